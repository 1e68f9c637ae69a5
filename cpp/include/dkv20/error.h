// The error codes of dkv20 and the types that carry them: Status and Result.
//
// No function of this library throws. A function that can fail for a reason that the definition
// names returns a Status or a Result; neither may be ignored. All functions of the interface are
// noexcept: if memory runs out, if OpenSSL does not provide SHA-256, or if the value of an error is
// read, the process ends (std::terminate).

#ifndef DKV20_ERROR_H_
#define DKV20_ERROR_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace dkv20 {

// Why an operation failed. An operation that fails changes nothing (definition, section 1).
enum class ErrorCode : std::uint8_t {
  kReplicaCount,     // a cluster of fewer than 1 or more than 64 replicas (section 1)
  kKeyLength,        // a key outside 1 to 4,096 bytes (section 1)
  kValueLength,      // a value of more than 1,048,576 bytes (section 1)
  kUnknownReplica,   // an id that is not below the number of replicas (section 4)
  kNoLeader,         // the current leader is isolated (section 4.1)
  kNotLeader,        // the replica does not believe it is leader (section 4.2)
  kTruncated,        // a snapshot that ends within a field (section 5)
  kBadMagic,         // a snapshot that does not begin with DKVS (section 5)
  kBadVersion,       // a snapshot of a version other than 1 (section 5)
  kBadTerm,          // a snapshot in which only one of commit index and term is 0 (section 5)
  kBadCount,         // a snapshot with more keys than its commit index (section 5)
  kKeyOrder,         // a snapshot with a key that is not above the key before it (section 5)
  kTrailingBytes,    // a snapshot with bytes after its last value (section 5)
  kKeySpace,         // a key space outside 1 to 1,000,000 keys (section 7)
  kCount,            // a count outside the range of its command (section 8)
  kUnknownScenario,  // a scenario that is neither A nor B (section 8)
  kDiverged,         // a scenario whose replicas differ at the end (section 9)
  kLineLength,       // a line of more than 4,194,304 bytes (section 8)
  kUnknownCommand,   // a line whose first token is not a command (section 8)
  kSyntax,           // a line whose tokens do not fit its command (section 8)
  kNoCluster,        // a command that needs a cluster, before the first `new` (section 8)
};

// Returns the code's name in the port protocol: "replica-count" for kReplicaCount.
[[nodiscard]] std::string_view ErrorName(ErrorCode code) noexcept;

// Why LoadState refused a snapshot, and the offset in bytes, from 0, at which the bad field
// begins (definition, section 5).
struct LoadError {
  ErrorCode code;
  std::uint64_t offset;

  friend bool operator==(const LoadError&, const LoadError&) noexcept = default;
};

// Success, or the code of an error.
class [[nodiscard]] Status {
 public:
  // Success.
  Status() noexcept = default;
  // A failure. Implicit, so that a function can return the code.
  Status(ErrorCode code) noexcept : code_(code) {}

  [[nodiscard]] bool ok() const noexcept { return !code_.has_value(); }
  // The error's code. Ends the process if ok().
  [[nodiscard]] ErrorCode code() const noexcept { return code_.value(); }

  friend bool operator==(const Status&, const Status&) noexcept = default;

 private:
  std::optional<ErrorCode> code_;
};

// A value, or the error that prevented it.
template <typename T, typename E = ErrorCode>
class [[nodiscard]] Result {
 public:
  // Implicit, so that a function can return the value or the error.
  Result(T value) noexcept : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) noexcept : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }

  // The value. Ends the process unless ok().
  [[nodiscard]] const T& value() const& noexcept { return std::get<0>(content_); }
  [[nodiscard]] T&& value() && noexcept { return std::get<0>(std::move(content_)); }

  // The error. Ends the process if ok().
  [[nodiscard]] const E& error() const noexcept { return std::get<1>(content_); }

 private:
  std::variant<T, E> content_;
};

}  // namespace dkv20

#endif  // DKV20_ERROR_H_
