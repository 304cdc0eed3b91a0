/* The floor: inotify on the folder of a file, a vfork and exec per change, nothing else.
   floor FOLDER NAME PROGRAM */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char buffer[65536] __attribute__((aligned(8)));
    int fd = inotify_init1(IN_CLOEXEC);
    if (argc != 4 || inotify_add_watch(fd, argv[1], IN_CLOSE_WRITE | IN_MOVED_TO) < 0) return 2;
    puts("ready");
    fflush(stdout);
    for (;;) {
        ssize_t size = read(fd, buffer, sizeof buffer);
        int hit = 0;
        for (char *at = buffer; at < buffer + size;) {
            struct inotify_event *event = (void *)at;
            hit |= event->len && !strcmp(event->name, argv[2]);
            at += sizeof *event + event->len;
        }
        if (!hit) continue;
        pid_t pid = vfork();
        if (!pid) {
            execl(argv[3], argv[3], (char *)0);
            _exit(127);
        }
        waitpid(pid, 0, 0);
    }
}
