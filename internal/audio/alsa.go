package audio

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdarg.h>

typedef void (*alsa_error_handler)(const char *file, int line, const char *function, int err, const char *fmt, ...);

static void alsa_says_nothing(const char *file, int line, const char *function, int err, const char *fmt, ...) {}

// The library stays loaded: its handler is gone with it.
static void alsa_be_quiet(void) {
	void *library = dlopen("libasound.so.2", RTLD_NOW);
	if (library == 0) return;
	int (*set)(alsa_error_handler) = (int (*)(alsa_error_handler))dlsym(library, "snd_lib_error_set_handler");
	if (set != 0) set(alsa_says_nothing);
}
*/
import "C"

// quietALSA keeps ALSA's library from writing to the standard error: a dozen lines for each name it does not find, whenever
// a missing device is tried again. What went wrong comes back as an error too. Without the library it does nothing.
func quietALSA() { C.alsa_be_quiet() }
