// What the program settles before any library or Rust's runtime begins; linked into the program alone.

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace {

void say(const char* text) {
    // Where nobody reads it, there is nobody to tell.
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
}

// MKL asks for the current folder while it is loaded, and ends the program over it with other words.
void check_current_folder() {
    char path[PATH_MAX];
    if (getcwd(path, sizeof path) != nullptr) return;
    say("lpmflow: the current folder cannot be used: ");
    say(errno == ENOENT ? "it has been deleted" : std::strerror(errno));
    say("; change to another (cd)\n");
    _exit(1);
}

// Rust would put /dev/null there, which takes everything; what is opened for reading tells who writes to it.
void keep_closed_stdout_unwritable() {
    if (fcntl(STDOUT_FILENO, F_GETFD) != -1) return;
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing == -1 || nothing == STDOUT_FILENO) return;
    dup2(nothing, STDOUT_FILENO);
    close(nothing);
}

void settle() {
    check_current_folder();
    keep_closed_stdout_unwritable();
    // A file that grows beyond `ulimit -f` is then an error to tell of, and not the end.
    std::signal(SIGXFSZ, SIG_IGN);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_all_else)() = settle;

}  // namespace
