// Preloaded, lets a program load its libraries and then, in the place of `main`, start itself as often as it is
// asked to on stdin. Says so by one byte on stdout.
//
// A request is its length (size_t) and that many bytes: texts that each end with a zero byte. The first are numbers:
// the process that asks, its file descriptors to take as stdin, stdout and stderr and the one to answer to, and how
// many arguments follow; then the arguments, and to the end the environment. The answer is one byte once all of these
// are open, and the exit status as `waitpid` gives it (int) at the end.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*Main)(int, char**, char**);

static Main program;

static void give_up(const char* what) {
    perror(what);
    _exit(99);
}

static void read_all(void* room, size_t count) {
    for (char* at = room; count > 0;) {
        const ssize_t got = read(STDIN_FILENO, at, count);
        if (got == 0) _exit(0);  // nobody asks any more
        if (got < 0) give_up("starter: reading a request");
        at += got;
        count -= (size_t)got;
    }
}

static void write_all(int file, const void* bytes, size_t count) {
    if (write(file, bytes, count) != (ssize_t)count) give_up("starter: answering");
}

// Takes the text that `at` points to, which then points behind it.
static char* take(char** at) {
    char* text = *at;
    *at += strlen(text) + 1;
    return text;
}

static int open_of(const char* process, const char* descriptor, int mode) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/fd/%s", process, descriptor);
    const int file = open(path, mode | O_CLOEXEC);
    if (file < 0) give_up(path);
    return file;
}

// In a process of its own: the program runs in a further one, and its status is the answer.
static void start(char* request, size_t length) {
    char* at = request;
    const char* process = take(&at);
    int files[4];
    for (int i = 0; i < 4; ++i) files[i] = open_of(process, take(&at), i == 0 ? O_RDONLY : O_WRONLY);
    const int count = atoi(take(&at));
    char** texts = calloc(length + 2, sizeof *texts);
    char** environment = texts + count + 1;
    for (int i = 0; i < count; ++i) texts[i] = take(&at);
    for (int i = 0; at < request + length; ++i) environment[i] = take(&at);
    for (int i = 0; i < 3; ++i) dup2(files[i], i);
    for (int i = 0; i < 3; ++i) close(files[i]);
    write_all(files[3], "", 1);
    signal(SIGCHLD, SIG_DFL);
    const pid_t child = fork();
    if (child < 0) give_up("starter: fork");
    if (child == 0) {
        close(files[3]);
        environ = environment;
        exit(program(count, texts, environment));
    }
    // Whoever reads its output waits for its end, not for this process's.
    for (int i = 0; i < 3; ++i) close(i);
    int status = 0;
    waitpid(child, &status, 0);
    write_all(files[3], &status, sizeof status);
    _exit(0);
}

static int serve(int count, char** arguments, char** environment) {
    (void)count, (void)arguments, (void)environment;
    signal(SIGCHLD, SIG_IGN);
    write_all(STDOUT_FILENO, "", 1);
    for (;;) {
        size_t length;
        read_all(&length, sizeof length);
        char* request = malloc(length);
        read_all(request, length);
        const pid_t child = fork();
        if (child < 0) give_up("starter: fork");
        if (child == 0) start(request, length);
        free(request);
    }
    return 0;
}

int __libc_start_main(Main main, int count, char** arguments, void (*init)(void), void (*fini)(void),
                      void (*linker_fini)(void), void* stack) {
    program = main;
    __typeof__(&__libc_start_main) begin = (__typeof__(begin))dlsym(RTLD_NEXT, "__libc_start_main");
    return begin(serve, count, arguments, init, fini, linker_fini, stack);
}
