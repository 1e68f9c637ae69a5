#include "dkv20/trace.h"

#include <utility>

#include "dkv20/protocol.h"
#include "dkv20/session.h"

namespace dkv20 {
namespace {

constexpr std::string_view kCommandMark = "> ";
constexpr std::string_view kAnswerMark = "< ";

// Why a command has no place in a trace, or nothing. One that is answered with an error has one.
std::optional<std::string> RefuseCommand(std::string_view line) noexcept {
  const Result<Command> command = Parse(line);
  if (!command.ok()) return std::nullopt;
  if (command.value().kind == CommandKind::kNothing) return "a command that gets no answer";
  if (command.value().kind == CommandKind::kHello) return "a command whose answer names the port";
  return std::nullopt;
}

// Collects the steps of a trace line by line.
class Collector {
 public:
  // Why the line has no place where it stands, or nothing.
  std::optional<std::string> Take(std::size_t number, std::string_view line) noexcept {
    if (line.empty() || line.front() == '#') return std::nullopt;
    if (line.starts_with(kCommandMark)) return TakeCommand(number, line.substr(2));
    if (line.starts_with(kAnswerMark)) return TakeAnswer(line.substr(2));
    return "neither a command, an answer nor a comment";
  }
  [[nodiscard]] bool waits_for_answer() const noexcept { return waits_for_answer_; }
  [[nodiscard]] std::vector<TraceStep>& steps() noexcept { return steps_; }

 private:
  std::optional<std::string> TakeCommand(std::size_t number, std::string_view command) noexcept {
    if (waits_for_answer_) return "a command where an answer is due";
    if (auto reason = RefuseCommand(command)) return reason;
    steps_.push_back({number, std::string(command), std::string()});
    waits_for_answer_ = true;
    return std::nullopt;
  }
  std::optional<std::string> TakeAnswer(std::string_view answer) noexcept {
    if (!waits_for_answer_) return "an answer without a command";
    steps_.back().answer = answer;
    waits_for_answer_ = false;
    return std::nullopt;
  }

  std::vector<TraceStep> steps_;
  bool waits_for_answer_ = false;
};

}  // namespace

Result<std::vector<TraceStep>, TraceError> ParseTrace(std::string_view bytes) noexcept {
  Collector collector;
  std::size_t number = 0;
  while (!bytes.empty()) {
    ++number;
    const std::size_t lf = bytes.find('\n');
    if (lf == std::string_view::npos) return TraceError{number, "a line without its LF"};
    if (auto reason = collector.Take(number, bytes.substr(0, lf))) {
      return TraceError{number, std::move(*reason)};
    }
    bytes.remove_prefix(lf + 1);
  }
  if (collector.waits_for_answer()) return TraceError{number, "a command without its answer"};
  return std::move(collector.steps());
}

std::optional<TraceMismatch> CheckTrace(const std::vector<TraceStep>& steps) noexcept {
  Session session;
  bool over = false;
  for (const TraceStep& step : steps) {
    std::string actual;
    if (!over) over = session.Run(step.command, actual) == Reply::kQuit;
    if (actual != step.answer) return TraceMismatch{step, std::move(actual)};
  }
  return std::nullopt;
}

}  // namespace dkv20
