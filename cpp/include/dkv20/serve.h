// The port protocol over a pair of byte streams (definition, section 8).

#ifndef DKV20_SERVE_H_
#define DKV20_SERVE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dkv20 {

// The input of Serve.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Waits for input and writes up to room.size() bytes of it to `room`. Returns their number, 0
  // at the end of input, or nothing if reading failed.
  [[nodiscard]] virtual std::optional<std::size_t> Read(std::span<char> room) noexcept = 0;
};

// The output of Serve.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Writes all of `bytes`. Returns false if writing failed.
  [[nodiscard]] virtual bool Write(std::string_view bytes) noexcept = 0;
};

// Why Serve returned.
enum class ServeEnd : std::uint8_t {
  kDone,          // end of input, or `quit`
  kInputFailed,   // reading failed; the answers to the lines before have been written
  kOutputFailed,  // writing failed
};

// Runs the lines of `source` in a session of its own and writes the answers to `sink`, until
// `quit` or the end of input. Before it reads, it has written the answers to all complete lines
// that it has read. Of a line it holds at most kLineLengthMax bytes and the size of one read.
[[nodiscard]] ServeEnd Serve(ByteSource& source, ByteSink& sink) noexcept;

}  // namespace dkv20

#endif  // DKV20_SERVE_H_
