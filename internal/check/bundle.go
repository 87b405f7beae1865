package check

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"time"
)

// File is one file of a bundle.
type File struct {
	Name string
	Data []byte
}

// Bundle packs files, without the secrets that a scrubber knows, as a tar.gz with one directory.
func Bundle(directory string, files []File, secrets *Scrubber, now time.Time) ([]byte, error) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	archive := tar.NewWriter(packed)
	for _, f := range files {
		data := secrets.Scrub(f.Data)
		header := &tar.Header{
			Name: path.Join(directory, string(secrets.Scrub([]byte(f.Name)))), Mode: 0o600, Size: int64(len(data)), ModTime: now, Format: tar.FormatPAX,
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.Name, err)
		}
		if _, err := archive.Write(data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return out.Bytes(), nil
}
