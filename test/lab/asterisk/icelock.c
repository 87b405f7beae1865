/* Stands in for Asterisk's own fix of a deadlock, until Debian's Asterisk has it (22.10.1 has not).
 *
 * res_rtp_asterisk sends RTP and RTCP of a bundled stream while it holds the lock of the RTP instance, and then waits for
 * pjnath's ICE lock; pjnath's timer completes ICE while it holds the ICE lock, and then waits for the RTP instance. When a
 * video call is answered the two meet now and then, and both legs of the call hang for ever, their signalling included
 * (asterisk/asterisk issues 1946 and 2014, mended by pull request 2037 of July 2026).
 *
 * Here the sender does not wait for the ICE lock for ever: after 5 ms its packet is lost, as on any network. Everything
 * else is Asterisk's own. Preloaded by run-in-root.sh; DOORSTATION_LAB_PLAIN_ASTERISK=1 leaves it out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

/* The head of struct pj_ice_sess, pjnath/ice_session.h. */
struct ice {
	char obj_name[32];
	void *pool, *user_data, *grp_lock;
};

typedef int send_fn(struct ice *, unsigned, const void *, size_t);
typedef int lock_fn(void *);

int pj_ice_sess_send_data(struct ice *ice, unsigned component, const void *data, size_t len)
{
	static send_fn *send;
	static lock_fn *try_lock, *unlock;
	const struct timespec pause = {0, 100 * 1000};
	int result, tries;

	if (!send) {
		try_lock = (lock_fn *)dlsym(RTLD_NEXT, "pj_grp_lock_tryacquire");
		unlock = (lock_fn *)dlsym(RTLD_NEXT, "pj_grp_lock_release");
		send = (send_fn *)dlsym(RTLD_NEXT, "pj_ice_sess_send_data");
	}
	if (!ice || !ice->grp_lock)
		return send(ice, component, data, len);
	for (tries = 0; try_lock(ice->grp_lock) != 0; tries++) {
		if (tries == 50)
			return 0; /* PJ_SUCCESS: sent, and lost on the way */
		nanosleep(&pause, NULL);
	}
	result = send(ice, component, data, len); /* the lock is recursive */
	unlock(ice->grp_lock);
	return result;
}
