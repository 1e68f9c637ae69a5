#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace dkv20::testing {
namespace {

constexpr int kDeadlineMilliseconds = 30000;

void Fail(const char* what) {
  std::perror(what);
  std::abort();
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) Fail("pipe");
    for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    read_end = ends[0];
    write_end = ends[1];
  }
  int read_end = -1;
  int write_end = -1;
};

void CloseOnce(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments) {
  // Writing to a process that has ended must return an error, not end the test.
  std::signal(SIGPIPE, SIG_IGN);
  const Pipe input;
  const Pipe output;
  const Pipe errors;
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) Fail("fork");
  if (pid_ == 0) {
    // The default, which this test has changed.
    std::signal(SIGPIPE, SIG_DFL);
    dup2(input.read_end, STDIN_FILENO);
    dup2(output.write_end, STDOUT_FILENO);
    dup2(errors.write_end, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(input.read_end);
  close(output.write_end);
  close(errors.write_end);
  input_ = input.write_end;
  output_ = output.read_end;
  errors_ = errors.read_end;
  fcntl(input_, F_SETFL, O_NONBLOCK);
}

Process::~Process() {
  CloseInput();
  CloseOutput();
  CloseOnce(errors_);
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

bool Process::Pump(std::string_view* unsent) {
  std::array<pollfd, 2> fds = {pollfd{at_end_ ? -1 : output_, POLLIN, 0},
                               pollfd{unsent != nullptr ? input_ : -1, POLLOUT, 0}};
  if (poll(fds.data(), fds.size(), kDeadlineMilliseconds) <= 0) return false;
  if (fds[0].revents != 0) {
    std::array<char, 65536> bytes{};
    const ssize_t count = read(output_, bytes.data(), bytes.size());
    at_end_ = count <= 0;
    if (count > 0) received_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  if (fds[1].revents != 0) {
    const ssize_t count = write(input_, unsent->data(), unsent->size());
    if (count < 0 && errno != EAGAIN) return false;
    if (count > 0) unsent->remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Process::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!Pump(&bytes)) return false;
  }
  return true;
}

std::optional<std::string> Process::ReadLine() {
  while (true) {
    if (const std::size_t lf = received_.find('\n'); lf != std::string::npos) {
      std::string line = received_.substr(0, lf);
      received_.erase(0, lf + 1);
      return line;
    }
    if (at_end_ || !Pump(nullptr)) return std::nullopt;
  }
}

std::string Process::ReadAll() {
  while (!at_end_ && Pump(nullptr)) {
  }
  return std::move(received_);
}

void Process::CloseInput() { CloseOnce(input_); }

void Process::CloseOutput() {
  CloseOnce(output_);
  at_end_ = true;
}

Ended Process::Wait() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(kDeadlineMilliseconds);
  Ended ended;
  int status = 0;
  rusage usage{};
  pid_t waited = 0;
  while ((waited = wait4(pid_, &status, WNOHANG, &usage)) == 0) {
    if (Clock::now() > deadline) return ended;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (waited == pid_ && WIFEXITED(status)) ended.status = WEXITSTATUS(status);
  pid_ = -1;
#ifdef __APPLE__
  ended.max_resident_bytes = usage.ru_maxrss;
#else
  ended.max_resident_bytes = usage.ru_maxrss * 1024;
#endif
  return ended;
}

std::string Process::ReadErrors() {
  std::string text;
  std::array<char, 4096> bytes{};
  ssize_t count = 0;
  while ((count = read(errors_, bytes.data(), bytes.size())) > 0) {
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace dkv20::testing
