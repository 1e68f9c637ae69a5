// Trace files: commands and the answers that they must get (definition, section 11).

#ifndef DKV20_TRACE_H_
#define DKV20_TRACE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/error.h"

namespace dkv20 {

// One command of a trace. Lines count from 1.
struct TraceStep {
  std::size_t line;
  std::string command;
  std::string answer;
};

// Why a trace is malformed, and at which line, from 1.
struct TraceError {
  std::size_t line;
  std::string reason;
};

// The first step whose answer is another than the trace has. `actual` is empty where the command
// got no answer.
struct TraceMismatch {
  TraceStep step;
  std::string actual;
};

// Reads a trace: `> COMMAND` lines, each followed by its `< ANSWER` line, all ended by LF; empty
// lines and lines that begin with # may stand anywhere. Refuses everything else, commands that
// get no answer, and `hello`, whose answer names the port.
[[nodiscard]] Result<std::vector<TraceStep>, TraceError> ParseTrace(
    std::string_view bytes) noexcept;

// Runs the steps in a session of their own. The first that differs, or nothing.
[[nodiscard]] std::optional<TraceMismatch> CheckTrace(const std::vector<TraceStep>& steps) noexcept;

}  // namespace dkv20

#endif  // DKV20_TRACE_H_
