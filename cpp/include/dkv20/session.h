// A session of the port protocol: lines in, answers out (definition, section 8).

#ifndef DKV20_SESSION_H_
#define DKV20_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dkv20/cluster.h"
#include "dkv20/protocol.h"

namespace dkv20 {

// What running a line came to.
enum class Reply : std::uint8_t {
  kNone,    // a blank line or a comment: no answer
  kAnswer,  // one answer
  kQuit,    // the answer to `quit`: the session is over
};

// Runs command lines against a cluster of its own, which `new` makes.
class Session {
 public:
  // With no cluster yet.
  Session() noexcept = default;

  // Runs one line, given without its LF, and appends the answer to `out`, without an LF. Any
  // bytes are welcome, and a line longer than kLineLengthMax is answered as the definition says.
  Reply Run(std::string_view line, std::string& out) noexcept;

  // The cluster, or nullptr before the first `new` that was answered ok.
  [[nodiscard]] const Cluster* cluster() const noexcept { return cluster_ ? &*cluster_ : nullptr; }

 private:
  void Execute(const Command& command, std::string& out) noexcept;
  void ExecuteOnCluster(const Command& command, std::string& out) noexcept;
  void New(std::uint64_t size, std::string& out) noexcept;
  void Partition(const Command& command, std::string& out) noexcept;
  void Heal(const Command& command, std::string& out) noexcept;
  void Compact(const Command& command, std::string& out) noexcept;
  void Workload(const Command& command, std::string& out) noexcept;
  void Chaos(const Command& command, std::string& out) noexcept;

  std::optional<Cluster> cluster_;
};

// Where Serve reads from and writes to.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Waits for bytes and puts up to room.size() of them into `room`. Answers how many; 0 at the
  // end of input; nothing where reading failed.
  [[nodiscard]] virtual std::optional<std::size_t> Read(std::span<char> room) noexcept = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Writes all of `bytes`. Answers false where that failed.
  [[nodiscard]] virtual bool Write(std::string_view bytes) noexcept = 0;
};

// How a Serve ended.
enum class ServeEnd : std::uint8_t {
  kDone,         // the end of input, or `quit`
  kReadFailed,   // the source failed; what was answered before has been written
  kWriteFailed,  // the sink failed
};

// Answers the lines of `source` on `sink`, in a session of its own, until `quit` or the end of
// input. Answers are handed to the sink at the latest when no complete line is left to read and
// before waiting for more. Holds no more of a line than kLineLengthMax bytes and one read.
[[nodiscard]] ServeEnd Serve(ByteSource& source, ByteSink& sink) noexcept;

}  // namespace dkv20

#endif  // DKV20_SESSION_H_
