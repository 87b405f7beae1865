package lab

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:embed asterisk/*.tmpl
var asteriskTemplates embed.FS

// emptyConfigs are files that modules want to exist.
const emptyConfigs = "acl ari ccss cdr cel chan_websocket cli_aliases codecs confbridge features manager musiconhold " +
	"pjproject res_parking sorcery stasis udptl websocket_client"

// noLoad are modules that complain, or ask for servers that are not there. Each stands for those it begins.
const noLoad = "app_adsiprog app_agent_pool app_alarmreceiver app_amd app_confbridge app_festival app_flash app_followme " +
	"app_getcpeid app_meetme app_minivm app_page app_queue app_sla app_statsd app_voicemail cdr_ cel_ chan_console chan_dahdi " +
	"chan_iax2 chan_mgcp chan_mobile chan_motif chan_ooh323 chan_phone chan_skinny chan_unistim codec_dahdi func_curl " +
	"func_odbc pbx_ael pbx_dundi pbx_lua res_adsi res_aeap res_ael_share res_calendar res_config_ res_corosync res_curl res_fax " +
	"res_geolocation res_hep res_http_media_cache res_odbc res_phoneprov res_pjsip_config_wizard res_pjsip_geolocation " +
	"res_pjsip_notify res_pjsip_phoneprov_provider res_pjsip_publish_asterisk res_pjsip_stir_shaken res_prometheus " +
	"res_resolver_unbound res_smdi res_snmp res_speech_aeap res_statsd res_stir_shaken res_stun_monitor res_timing_dahdi " +
	"res_tonedetect res_xmpp"

// asteriskConfig is what the templates see.
type asteriskConfig struct {
	AsteriskOptions
	Dir, Root, Run, Modules string
	NoLoad                  []string
}

// configure writes etc/ with the directories and keys it speaks of. What an earlier Asterisk of the same test left is removed.
func (a *Asterisk) configure(o AsteriskOptions) error {
	if err := os.RemoveAll(a.dir); err != nil {
		return err
	}
	for _, d := range strings.Fields("etc lib log spool cache keys/keys") {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := o.CA.issue(filepath.Join(a.dir, "keys", "cert.pem"), filepath.Join(a.dir, "keys", "key.pem")); err != nil {
		return err
	}
	c := asteriskConfig{AsteriskOptions: o, Dir: a.dir, Root: a.root, Run: a.run}
	var err error
	if c.Modules, c.NoLoad, err = modules(a.root); err != nil {
		return err
	}
	templates, err := template.ParseFS(asteriskTemplates, "asterisk/*.tmpl")
	if err != nil {
		return err
	}
	for _, one := range templates.Templates() {
		if err = a.writeConfig(one, c); err != nil {
			return err
		}
	}
	for _, name := range strings.Fields(emptyConfigs) {
		if err = os.WriteFile(filepath.Join(a.dir, "etc", name+".conf"), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (a *Asterisk) writeConfig(one *template.Template, c asteriskConfig) error {
	f, err := os.Create(filepath.Join(a.dir, "etc", strings.TrimSuffix(one.Name(), ".tmpl")))
	if err != nil {
		return err
	}
	if err = one.Execute(f, c); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// modules finds the directory of the tree's modules and those in it that are not to be loaded.
func modules(root string) (dir string, skip []string, err error) {
	dirs, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*/asterisk/modules"))
	if err != nil || len(dirs) == 0 {
		return "", nil, fmt.Errorf("no Asterisk in %s: run test/lab/prepare.sh (%w)", root, os.ErrNotExist)
	}
	files, err := os.ReadDir(dirs[0])
	if err != nil {
		return "", nil, err
	}
	unwanted := strings.Fields(noLoad)
	for _, f := range files {
		if slices.ContainsFunc(unwanted, func(u string) bool { return strings.HasPrefix(f.Name(), u) }) {
			skip = append(skip, f.Name())
		}
	}
	return dirs[0], skip, nil
}
