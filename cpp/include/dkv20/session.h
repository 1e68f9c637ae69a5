// A session of the port protocol: one answer for each command (definition, section 8).

#ifndef DKV20_SESSION_H_
#define DKV20_SESSION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dkv20/cluster.h"
#include "dkv20/error.h"

namespace dkv20 {

struct Command;

// Runs command lines on a cluster that it owns and that the command `new` makes.
class Session {
 public:
  // A session without a cluster.
  Session() noexcept = default;

  // Runs one line, without its LF, and appends the answer, without LF, to `out`. The line may
  // hold any bytes and have any length.
  //
  // Returns false, with nothing appended, if the line gets no answer: it has no tokens, is a
  // comment, or follows `quit`.
  bool RunLine(std::string_view line, std::string& out) noexcept;

  // Reports whether `quit` has been run.
  [[nodiscard]] bool has_quit() const noexcept { return has_quit_; }

  // The cluster; null before the first `new` that succeeded.
  [[nodiscard]] const Cluster* cluster() const noexcept { return cluster_ ? &*cluster_ : nullptr; }

 private:
  // Run a command. If they return an error they have appended nothing.
  Status Run(const Command& command, std::string& out) noexcept;
  Status RunOnCluster(const Command& command, std::string& out) noexcept;
  Status RunChaos(std::uint64_t seed, std::uint64_t steps, std::string& out) noexcept;

  std::optional<Cluster> cluster_;
  bool has_quit_ = false;
};

// Runs scenario `name` in a session of its own and returns the SHA-256 of replica 0's snapshot in
// 64 lower-case hex digits; kUnknownScenario for a name other than A and B; kDiverged if a
// command fails or the replicas' snapshots differ at the end (definition, section 9).
[[nodiscard]] Result<std::string> RunScenario(std::string_view name) noexcept;

// The same for command lines of the caller's, each ended by LF. Lines that make no cluster are
// kDiverged too.
[[nodiscard]] Result<std::string> RunScript(std::string_view script) noexcept;

}  // namespace dkv20

#endif  // DKV20_SESSION_H_
