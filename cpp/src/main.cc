// The program `dkv20`: its command line, its standard streams and its exit status.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "dkv20/scenario.h"
#include "dkv20/serve.h"
#include "dkv20/session.h"

namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

class StandardInput final : public dkv20::ByteSource {
 public:
  std::optional<std::size_t> Read(std::span<char> room) noexcept override {
    while (true) {
      const ssize_t count = read(STDIN_FILENO, room.data(), room.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return std::nullopt;
    }
  }
};

class StandardOutput final : public dkv20::ByteSink {
 public:
  bool Write(std::string_view bytes) noexcept override {
    while (!bytes.empty()) {
      const ssize_t count = write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (count >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }
};

// If standard error fails, there is nowhere to report it.
void PrintError(const std::string& text) { static_cast<void>(std::fputs(text.c_str(), stderr)); }

// Reports the error in errno on one of the standard streams.
int ReportFailure(const std::string& stream) {
  PrintError("dkv20: " + stream + ": " + std::strerror(errno) + "\n");
  return kExitFailed;
}

int Print(std::string_view text) {
  return StandardOutput().Write(text) ? kExitOk : ReportFailure("standard output");
}

int RunServe() {
  StandardInput input;
  StandardOutput output;
  const dkv20::ServeEnd end = dkv20::Serve(input, output);
  if (end == dkv20::ServeEnd::kInputFailed) return ReportFailure("standard input");
  if (end == dkv20::ServeEnd::kOutputFailed) return ReportFailure("standard output");
  return kExitOk;
}

int RunOneScenario(const std::string& name) {
  const dkv20::Result<std::string> hash = dkv20::RunScenario(name);
  if (hash.ok()) return Print(name + " " + hash.value() + "\n");
  const std::string_view code = dkv20::ErrorName(hash.error());
  PrintError("err " + std::string(code) + "\n");
  return kExitFailed;
}

int RunAllScenarios() {
  for (const std::string_view name : dkv20::kScenarioNames) {
    if (const int status = RunOneScenario(std::string(name)); status != kExitOk) return status;
  }
  return kExitOk;
}

// CLI11 throws a request for help or version as it throws an error.
int Exit(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = app.exit(error, out, err);
  if (status == 0) return Print(out.str());
  PrintError(err.str());
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // If the reader of the output goes away, write returns an error, which is reported.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  CLI::App app("A replicated key-value state machine, defined to the byte.", "dkv20");
  app.set_version_flag("--version", "dkv20 " DKV20_VERSION);
  app.require_subcommand(1);
  const CLI::App* serve =
      app.add_subcommand("serve", "Run commands from standard input and write an answer to each");
  CLI::App* scenario = app.add_subcommand("scenario", "Run scenarios and print their hashes");
  std::optional<std::string> name;
  scenario->add_option("NAME", name, "A or B (default: both)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit(app, error);
  }
  if (serve->parsed()) return RunServe();
  return name ? RunOneScenario(*name) : RunAllScenarios();
}
