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

// A command and its answer, both without mark and LF.
struct TraceStep {
  std::size_t line;  // the command's line in the file, from 1
  std::string command;
  std::string answer;
};

// Why a file is not a trace, and where: the line and the byte in it, both from 1.
struct TraceError {
  std::size_t line;
  std::size_t column;
  std::string_view reason;
};

// The first step of a trace that gets another answer, and that answer.
struct TraceMismatch {
  TraceStep step;
  std::string actual;
};

// Reads a trace: lines `> COMMAND`, each followed at once by its line `< ANSWER`, all ended by LF.
// Before a command there may be empty lines and lines that begin with #. Returns an error for
// anything else; for a command that gets no answer or follows `quit`; and for `hello`, whose
// answer names the port.
[[nodiscard]] Result<std::vector<TraceStep>, TraceError> ParseTrace(
    std::string_view bytes) noexcept;

// Runs the steps in a session of their own and returns the first mismatch, if there is one.
[[nodiscard]] std::optional<TraceMismatch> CheckTrace(const std::vector<TraceStep>& steps) noexcept;

}  // namespace dkv20

#endif  // DKV20_TRACE_H_
