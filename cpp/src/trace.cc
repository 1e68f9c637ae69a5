#include "dkv20/trace.h"

#include <utility>

#include "dkv20/session.h"
#include "protocol.h"

namespace dkv20 {
namespace {

class TraceParser {
 public:
  // Takes the next line, without LF. Returns what is wrong with it, if anything is.
  std::optional<TraceError> TakeLine(std::string_view line) noexcept {
    ++line_;
    if (line.starts_with("< ")) return TakeAnswer(line.substr(2));
    if (expects_answer_) return Fail(1, "expected `< ANSWER` right after the command");
    if (line.empty() || line.front() == '#') return std::nullopt;
    if (line.starts_with("> ")) return TakeCommand(line.substr(2));
    if (line.front() == '>' || line.front() == '<') return Fail(2, "expected a space");
    return Fail(1, "expected `> COMMAND`, `< ANSWER`, `#` or an empty line");
  }
  // Takes the bytes after the last LF.
  std::optional<TraceError> TakeEnd(std::string_view rest) noexcept {
    ++line_;
    if (!rest.empty()) return Fail(rest.size() + 1, "the last line does not end with LF");
    if (expects_answer_) return Fail(1, "the last command has no answer");
    return std::nullopt;
  }
  [[nodiscard]] std::vector<TraceStep>& steps() noexcept { return steps_; }

 private:
  std::optional<TraceError> TakeCommand(std::string_view command) noexcept {
    if (has_quit_) return Fail(1, "a command after `quit` gets no answer");
    if (const Result<Command> parsed = Parse(command); parsed.ok()) {
      const CommandKind kind = parsed.value().kind;
      if (kind == CommandKind::kNothing) return Fail(3, "this line gets no answer");
      if (kind == CommandKind::kHello) return Fail(3, "the answer to `hello` names the port");
      has_quit_ = kind == CommandKind::kQuit;
    }
    steps_.push_back({line_, std::string(command), std::string()});
    expects_answer_ = true;
    return std::nullopt;
  }
  std::optional<TraceError> TakeAnswer(std::string_view answer) noexcept {
    if (!expects_answer_) return Fail(1, "an answer without a command before it");
    steps_.back().answer = answer;
    expects_answer_ = false;
    return std::nullopt;
  }
  [[nodiscard]] TraceError Fail(std::size_t column, std::string_view reason) const noexcept {
    return {line_, column, reason};
  }

  std::vector<TraceStep> steps_;
  std::size_t line_ = 0;
  bool expects_answer_ = false;
  bool has_quit_ = false;
};

}  // namespace

Result<std::vector<TraceStep>, TraceError> ParseTrace(std::string_view bytes) noexcept {
  TraceParser parser;
  std::size_t lf = 0;
  for (; (lf = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(lf + 1)) {
    if (const auto error = parser.TakeLine(bytes.substr(0, lf))) return *error;
  }
  if (const auto error = parser.TakeEnd(bytes)) return *error;
  return std::move(parser.steps());
}

std::optional<TraceMismatch> CheckTrace(const std::vector<TraceStep>& steps) noexcept {
  Session session;
  for (const TraceStep& step : steps) {
    std::string actual;
    session.RunLine(step.command, actual);
    if (actual != step.answer) return TraceMismatch{step, std::move(actual)};
  }
  return std::nullopt;
}

}  // namespace dkv20
