#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit_source.h"
#include "calls.h"
#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "held.h"
#include "kernel.h"
#include "notify.h"
#include "output.h"
#include "record.h"
#include "relay.h"
#include "roots.h"
#include "words.h"

/* What is told of the instance while it runs: its modes and its violations, in its state and to the service manager. */
struct vxe_watch {
	struct vxe_record_log *log;
	struct vxe_held held;
	struct vxe_filter since; /* see notify.h */
	uint64_t told;		 /* violations in the last telling, lost ones too */
	int64_t next_ns;	 /* no telling before */
};

void vxe_supervision_signals(sigset_t *set)
{
	sigemptyset(set);
	for (const int *sig = vxe_passed_signals; *sig; sig++)
		sigaddset(set, *sig);
}

static bool annotation_lists(const struct vxe_supervision *s, const char *key, const char *name)
{
	return vxe_words_have(vxe_config_annotation(s->launch->config, key), name);
}

static bool has_service(const struct vxe_supervision *s, const char *name)
{
	return annotation_lists(s, "org.vxe.services", name);
}

void vxe_supervision_init(struct vxe_supervision *s)
{
	memset(s, 0, sizeof(*s));
	s->output_read = s->output_write = s->output_log = s->syslog_fd = s->notify_fd = s->watch_fd = s->state_fd = -1;
	s->audit.fd = s->log.journal_fd = s->signals_fd = s->log.fd = s->log_dir_fd = s->companion_fd = s->status = -1;
}

/* Not in soft mode, whose filter knows no rings, nor where there is no filter that raises anything. */
static int rings_open(struct vxe_supervision *s, struct vxe_error **err)
{
	const char *words = vxe_config_annotation(s->launch->config, "org.vxe.rings");

	return words && !s->rings.wish && !s->launch->soft && !(s->launch->without & VXE_WITHOUT_SECCOMP)
		       ? vxe_rings_open(&s->rings, words, err)
		       : 0;
}

static int folder_bind(struct vxe_supervision *s, struct vxe_error **err)
{
	cleanup_free char *folder = NULL;

	if (asprintf(&folder, "%s/" VXE_RELAY_FOLDER, s->state_dir) < 0) {
		folder = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the notification socket of %s", s->id);
	}
	if (mkdir(folder, 0755) < 0 || chmod(folder, 0755) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the folder %s", folder);
	s->notify_fd = vxe_relay_bind(folder, VXE_RELAY_NOTIFY, err);
	return s->notify_fd < 0 ? -1 : 0;
}

int vxe_supervision_prepare(struct vxe_supervision *s, struct vxe_error **err)
{
	if (rings_open(s, err) < 0 || (s->rings.wish && vxe_rings_try(&s->rings, err) < 0))
		return -1;
	if (s->capture || has_service(s, "syslog")) {
		s->output_log = vxe_output_open(s->log_dir_fd);
		if (s->output_log < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the output log of %s", s->id);
	}
	if (s->capture) {
		int pipes[2];

		if (pipe2(pipes, O_CLOEXEC) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the output pipe");
		s->output_read = pipes[0];
		s->output_write = pipes[1];
		fcntl(s->output_read, F_SETFL, O_NONBLOCK);
		s->launch->stdio[1] = s->launch->stdio[2] = s->output_write;
	}
	if (has_service(s, "syslog") && (s->syslog_fd = vxe_relay_bind(s->state_dir, "log.sock", err)) < 0)
		return -1;
	if (s->relay_folder)
		return folder_bind(s, err);
	if (has_service(s, "notify") && (s->notify_fd = vxe_relay_bind(s->state_dir, VXE_RELAY_NOTIFY, err)) < 0)
		return -1;
	return 0;
}

void vxe_supervision_free(struct vxe_supervision *s)
{
	int *owned[] = {&s->output_read, &s->output_write, &s->output_log, &s->syslog_fd,
			&s->notify_fd,	 &s->signals_fd,   &s->watch_fd,   &s->state_fd};

	vxe_rings_close(&s->rings);
	vxe_record_close(&s->log);
	vxe_audit_source_close(&s->audit);
	if (s->watch)
		vxe_filter_free(&s->watch->since);
	free(s->watch);
	s->watch = NULL;
	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
		if (*owned[i] >= 0)
			close(*owned[i]);
		*owned[i] = -1;
	}
}

/* With the reaper it decides whom a signal is for; a program that is pid 1 itself gets it directly. */
static void signal_pass(const struct vxe_supervision *s, int sig)
{
	sys_pidfd_send_signal(s->launch->init_pidfd >= 0 ? s->launch->init_pidfd : s->launch->program_pidfd, sig);
}

static void signals_serve(const struct vxe_supervision *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		signal_pass(s, (int)info.ssi_signo);
}

static void output_drain(struct vxe_supervision *s, struct pollfd *entry)
{
	char buffer[8192];
	ssize_t got = read(s->output_read, buffer, sizeof(buffer));

	if (got > 0)
		vxe_output_append(s->log_dir_fd, &s->output_log, buffer, (size_t)got);
	else if (got == 0 || errno != EAGAIN)
		entry->fd = -1;
}

static void syslog_drain(struct vxe_supervision *s)
{
	char datagram[4096], line[4200];
	size_t size;

	for (int i = 0; i < 64 && (size = vxe_relay_receive(s->syslog_fd, datagram, sizeof(datagram))); i++) {
		vxe_output_append(s->log_dir_fd, &s->output_log, line,
				  vxe_relay_syslog_line(datagram, size, line, sizeof(line)));
		vxe_relay_syslog_forward("/dev/log", s->id, datagram, size);
	}
}

#define AUDIT_SETTLES_MS 20
#define TELL_EVERY_NS 1000000000

static void manager_tell(const struct vxe_supervision *s, const struct vxe_watch *watch)
{
	char text[1024];
	int length = snprintf(text, sizeof(text), "STATUS=%llu refused by the profile, the last: %s; see vxe violations %s\n",
			      (unsigned long long)watch->held.refused, watch->held.last, s->id);

	if (length > 0 && (size_t)length < sizeof(text))
		vxe_relay_notify(s->manager_notify, text, (size_t)length, 0);
}

static void held_fill(struct vxe_watch *watch)
{
	const struct vxe_record_log *log = watch->log;
	const struct vxe_violation *last = &log->last;
	const char *object = last->path[0] ? last->path : last->address, *arch;
	cleanup_free char *call = log->total ? vxe_call_name(last->arch, last->nr, &arch) : NULL;

	watch->held.refused = log->refused;
	watch->held.performed = log->total - log->refused;
	watch->held.lost = log->lost;
	watch->held.last_ns = log->last_ns;
	if (call)
		snprintf(watch->held.last, sizeof(watch->held.last), "%s%s%s (%s)", call, object[0] ? " " : "", object,
			 last->rule ? last->rule : "its call's rule");
	/* The path is the program's word; this is shown by status and told to the manager, line by line. */
	vxe_text_plain(watch->held.last, strlen(watch->held.last), '?');
}

/* A full or missing state folder hides what is held, and changes nothing of it. */
static void watch_tell(struct vxe_supervision *s, struct vxe_watch *watch)
{
	uint64_t refused = watch->held.refused;

	held_fill(watch);
	watch->told = watch->log->total + watch->log->lost;
	watch->next_ns = vxe_clock_ns(CLOCK_MONOTONIC) + TELL_EVERY_NS;
	if (!s->joins && s->state_fd >= 0)
		(void)vxe_held_write(s->state_fd, &watch->held, NULL);
	if (s->manager_notify && watch->held.refused != refused)
		manager_tell(s, watch);
}

/* Milliseconds to sleep, -1: until something happens. */
static int watch_tick(struct vxe_supervision *s, struct vxe_watch *watch)
{
	int wait = vxe_record_tick(watch->log), until;
	int64_t now;

	if (watch->told == watch->log->total + watch->log->lost)
		return wait;
	now = vxe_clock_ns(CLOCK_MONOTONIC);
	if (now >= watch->next_ns) {
		watch_tell(s, watch);
		return wait;
	}
	until = (int)((watch->next_ns - now) / 1000000) + 1;
	return wait < 0 || until < wait ? until : wait;
}

static int watch_begin(struct vxe_supervision *s, struct vxe_watch *watch, struct vxe_error **err)
{
	const struct vxe_launch *launch = s->launch;

	watch->held = (struct vxe_held){
		.asked = s->asked,
		.calls = s->asked,
		.objects = launch->soft ? VXE_MODE_SOFT : VXE_MODE_PRODUCTION,
		.records = launch->soft || launch->raise_objects ? VXE_OBJECTS_BY_SUPERVISOR
			   : s->audit.fd >= 0			 ? VXE_OBJECTS_BY_AUDIT
								 : VXE_OBJECTS_UNRECORDED,
	};
	watch->log->mode = s->asked;
	if (!s->judge || s->judge->fd < 0 || (!s->state_dir && s->state_fd < 0))
		return 0;
	if (s->state_fd < 0)
		s->state_fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->watch_fd = s->state_fd < 0 ? -1 : vxe_held_watch(s->state_fd);
	if (s->watch_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching the state of %s", s->id);
	if (!s->joins && s->asked != VXE_MODE_PRODUCTION && vxe_mode_write(s->state_fd, VXE_HELD_MODE_FILE, s->asked, err) < 0)
		return -1;
	watch_tell(s, watch);
	return 0;
}

/* What is not there, or cannot be read, is no leave to permit anything. */
static void mode_follow(struct vxe_supervision *s, struct vxe_notify *notify, struct vxe_watch *watch)
{
	enum vxe_mode asked = VXE_MODE_PRODUCTION;
	bool found;

	vxe_held_watch_drain(s->watch_fd);
	vxe_held_filter(s->state_fd, &watch->since);
	if (vxe_mode_read(s->state_fd, VXE_HELD_MODE_FILE, &asked, &found, NULL) < 0 || !found)
		asked = VXE_MODE_PRODUCTION;
	if (asked == watch->held.asked)
		return;
	notify->perform = asked == VXE_MODE_SOFT;
	watch->held.asked = watch->held.calls = watch->log->mode = asked;
	watch_tell(s, watch);
}

/* READY=1 of the program, or of its start where it has no word: whoever waits for it is told, once. */
static int manager_notify(struct vxe_supervision *s, const char *datagram, size_t size, struct vxe_error **err)
{
	int (*ready)(struct vxe_supervision * supervision, struct vxe_error * *err) = s->ready;

	if (!vxe_relay_notify(s->manager_notify, datagram, size, s->names_main ? s->launch->init_pid : 0) || !ready)
		return 0;
	s->ready = NULL;
	return ready(s, err);
}

static int notify_drain(struct vxe_supervision *s, struct vxe_watch *watch, struct vxe_error **err)
{
	char datagram[4096];
	size_t size;

	for (int i = 0; i < 16 && (size = vxe_relay_receive(s->notify_fd, datagram, sizeof(datagram))); i++) {
		if (!s->manager_notify)
			continue;
		if (manager_notify(s, datagram, size, err) < 0)
			return -1;
		/* The program's own STATUS must not hide that it is refused something. */
		if (watch->held.refused)
			manager_tell(s, watch);
	}
	return 0;
}

/* EOF of the sync socket: the descriptor was closed by the execve, or the process has ended before it. */
static int sync_ended(struct vxe_supervision *s, struct vxe_error **err)
{
	if (vxe_launch_failure(s->launch, err) < 0)
		return -1;
	s->has_started = true;
	if (s->manager_notify && s->notify_fd < 0 && manager_notify(s, "READY=1", 7, err) < 0)
		return -1;
	return s->started ? s->started(s, err) : 0;
}

/* The program's own status: from the reaper's page where there is one, else from wait. */
static void status_collect(struct vxe_supervision *s)
{
	const struct vxe_launch *launch = s->launch;
	int pidfd = launch->init_pidfd >= 0 ? launch->init_pidfd : launch->program_pidfd;
	siginfo_t info = {0};

	while (s->child && waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return;
	if (!s->child)
		return;
	/* A forking program's first process has ended long ago; what counts is how the instance ended. */
	if (launch->reaper && !launch->forking && atomic_load(&launch->report->program_exited)) {
		s->status = launch->report->program_status;
		return;
	}
	s->status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
}

enum slot {
	SLOT_END,
	SLOT_SIGNALS,
	SLOT_LISTENER,
	SLOT_SYNC,
	SLOT_OUTPUT,
	SLOT_SYSLOG,
	SLOT_NOTIFY,
	SLOT_MODE,
	SLOT_AUDIT,
	SLOT_COMPANION,
	SLOTS
};

/* The kernel tells by a thread of its own: what it was asked last may still be under way. */
static void audit_end(struct vxe_supervision *s, struct pollfd *entry)
{
	while (s->audit.fd >= 0 && poll(entry, 1, AUDIT_SETTLES_MS) > 0)
		vxe_audit_source_drain(&s->audit);
	vxe_audit_source_end(&s->audit);
}

#define RETRY_MS 10

static int loop(struct vxe_supervision *s, struct vxe_notify *notify, struct vxe_watch *watch, struct vxe_error **err)
{
	const struct vxe_launch *launch = s->launch;
	struct pollfd fds[SLOTS] = {
		[SLOT_END] = {.fd = launch->init_pidfd >= 0 ? launch->init_pidfd : launch->program_pidfd, .events = POLLIN},
		[SLOT_SIGNALS] = {.fd = s->signals_fd, .events = POLLIN},
		[SLOT_LISTENER] = {.fd = launch->listener_fd, .events = POLLIN},
		[SLOT_SYNC] = {.fd = launch->sync_fd, .events = POLLIN},
		[SLOT_OUTPUT] = {.fd = s->output_read, .events = POLLIN},
		[SLOT_SYSLOG] = {.fd = s->syslog_fd, .events = POLLIN},
		[SLOT_NOTIFY] = {.fd = s->notify_fd, .events = POLLIN},
		[SLOT_MODE] = {.fd = s->watch_fd, .events = POLLIN},
		[SLOT_AUDIT] = {.fd = s->audit.fd, .events = POLLIN},
		[SLOT_COMPANION] = {.fd = s->companion_fd},
	};

	vxe_audit_source_follow(&s->audit, launch->program_pid);

	for (;;) {
		if (poll(fds, SLOTS, watch_tick(s, watch)) < 0) {
			if (!vxe_errno_is_shortage(errno))
				return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for the instance");
			/* An instance that runs is not ended for what passes. */
			if (errno != EINTR)
				vxe_clock_sleep_ms(RETRY_MS);
			continue;
		}
		/* First: while it waits, the program stands still. */
		if (fds[SLOT_LISTENER].revents & POLLIN) {
			/* Without an answer it would stand still for good. */
			if (vxe_notify_serve(notify) < 0)
				return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "answering the calls of %s", s->id);
		} else if (fds[SLOT_LISTENER].revents) {
			fds[SLOT_LISTENER].fd = -1;
		}
		if (fds[SLOT_SIGNALS].revents & POLLIN)
			signals_serve(s);
		if (fds[SLOT_OUTPUT].revents)
			output_drain(s, &fds[SLOT_OUTPUT]);
		if (fds[SLOT_SYSLOG].revents & POLLIN)
			syslog_drain(s);
		if (fds[SLOT_SYNC].revents) {
			fds[SLOT_SYNC].fd = -1;
			if (sync_ended(s, err) < 0)
				return -1;
		}
		/* That the program runs is known, and written, before its word is passed on. */
		if ((fds[SLOT_NOTIFY].revents & POLLIN) && s->has_started && notify_drain(s, watch, err) < 0)
			return -1;
		if (fds[SLOT_MODE].revents & POLLIN)
			mode_follow(s, notify, watch);
		if (fds[SLOT_AUDIT].revents)
			vxe_audit_source_drain(&s->audit);
		if (fds[SLOT_END].revents)
			break;
		/* A profile's hooks are held or its program does not run. */
		if (fds[SLOT_COMPANION].revents) {
			vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				      "what tells the calls of %s after they are performed was ended, and so it is ended",
				      s->id);
			return vxe_error_hint(err, "start it again");
		}
	}
	if (s->output_read >= 0)
		while (fds[SLOT_OUTPUT].fd >= 0 && poll(&fds[SLOT_OUTPUT], 1, 0) > 0)
			output_drain(s, &fds[SLOT_OUTPUT]);
	if (s->syslog_fd >= 0)
		syslog_drain(s);
	if (s->notify_fd >= 0 && notify_drain(s, watch, err) < 0)
		return -1;
	audit_end(s, &fds[SLOT_AUDIT]);
	return 0;
}

/* What is raised is recorded here; of the rest the kernel's own word is waited for, from before the program runs. */
static void audit_open(struct vxe_supervision *s)
{
	const struct vxe_launch *launch = s->launch;

	if (!launch->process || !launch->process->landlock.present || vxe_launch_without_landlock(launch) ||
	    launch->raise_objects || s->log.fd < 0) {
		vxe_audit_source_close(&s->audit);
		return;
	}
	if (s->audit.fd < 0)
		vxe_audit_source_open(&s->audit);
	s->audit.judge = s->judge;
	s->audit.log = &s->log;
}

static bool judges(const struct vxe_supervision *s)
{
	return (s->launch->soft || s->launch->raise_objects) && s->judge && s->judge->judge;
}

/* Before the program is at its filter, and has to wait for us. What cannot be looked up yet is looked up when its first call is here. */
static void judge_bind(struct vxe_launch *launch, void *arg)
{
	struct vxe_supervision *s = arg;

	if (judges(s))
		vxe_judge_bind(s->judge->judge, launch->program_pid);
}

int vxe_supervision_open(struct vxe_supervision *s, struct vxe_error **err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	/* Under Landlock, no process takes a mount away from below another. */
	if (judges(s))
		s->judge->judge->keeps_root = !s->launch->soft && vxe_roots_stay(&s->launch->filter);
	s->launch->at_filter = judge_bind;
	s->launch->at_filter_arg = s;

	if (s->launch->filter.notifies &&
	    vxe_record_open(&s->log, s->log_dir_fd, s->profile ? s->profile : s->id, s->id, err) < 0)
		return -1;
	vxe_supervision_signals(&set);
	s->signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "listening for signals");
	audit_open(s);
	s->watch = calloc(1, sizeof(*s->watch));
	if (!s->watch)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "supervising %s", s->id);
	s->watch->log = &s->log;
	return watch_begin(s, s->watch, err);
}

int vxe_supervision_run(struct vxe_supervision *s, struct vxe_error **err)
{
	struct vxe_launch *launch = s->launch;
	cleanup_free char *syslog_path = NULL;
	struct vxe_notify notify = {
		.listener_fd = launch->listener_fd,
		.execs_left = launch->entry ? 0 : 1,
		.exec_once = annotation_lists(s, "org.vxe.exec", "once"),
		.performs_rings = annotation_lists(s, "org.vxe.supervised", "io_uring_setup"),
		.cgroup_fd = launch->cgroup_fd,
		.performs_listen = annotation_lists(s, "org.vxe.supervised", "listen"),
		.own = {.lines = vxe_config_annotation(launch->config, "org.vxe.own"),
			.open = annotation_lists(s, "org.vxe.supervised", "open"),
			.openat = annotation_lists(s, "org.vxe.supervised", "openat"),
			.openat2 = annotation_lists(s, "org.vxe.supervised", "openat2")},
		.listen_words = vxe_config_annotation(launch->config, "org.vxe.listen"),
		.errno_words = vxe_config_annotation(launch->config, "org.vxe.refuse.errno"),
		.judge = s->judge,
		.perform = s->asked == VXE_MODE_SOFT,
		.landlock = !launch->soft,
		.objects = (launch->soft || launch->raise_objects) && s->judge && s->judge->judge,
		.reaper = launch->reaper ? launch->init_pid : 0,
		.log = &s->log,
	};
	int result;

	if ((!s->watch && vxe_supervision_open(s, err) < 0) || rings_open(s, err) < 0)
		return -1;
	notify.rings = s->rings.wish ? &s->rings : NULL;
	if (s->syslog_fd >= 0 && asprintf(&syslog_path, "%s/log.sock", s->state_dir) < 0) {
		syslog_path = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "serving the instance");
	}
	notify.syslog_path = syslog_path;
	/* The write end is the program's alone, or its end would never be seen. */
	if (s->output_write >= 0)
		close(steal_fd(&s->output_write));
	notify.since = &s->watch->since;
	/* What was asked of the instance before it was watched for this program. */
	if (s->joins && s->watch_fd >= 0)
		mode_follow(s, &notify, s->watch);
	result = loop(s, &notify, s->watch, err);
	vxe_record_finish(&s->log);
	if (result < 0)
		return -1;
	status_collect(s);
	/* Ended before its execve: the report page says why; a kill says nothing. */
	if (!s->has_started && !launch->entry && vxe_launch_failure(launch, err) < 0)
		return -1;
	return 0;
}
