// The errors of dkv20, one list for the whole library, and the type that carries them.
//
// No function of this library throws. What can fail for a reason that the definition names
// answers with a Result, or with an std::optional<ErrorCode> that is empty where it succeeded.
// Every function of the interface is noexcept: running out of memory, or a SHA-256 that OpenSSL
// does not provide, ends the process (std::terminate).

#ifndef DKV20_ERROR_H_
#define DKV20_ERROR_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "dkv20/check.h"

namespace dkv20 {

// What went wrong. An operation that answers with an error has changed nothing (definition,
// section 1).
enum class ErrorCode : std::uint8_t {
  kReplicaCount,     // a cluster of less than 1 or more than 64 replicas (section 1)
  kKeyLength,        // a key outside 1 to 4,096 bytes (section 1)
  kValueLength,      // a value above 1,048,576 bytes (section 1)
  kUnknownReplica,   // an id that is not below the number of replicas (section 4)
  kNoLeader,         // the current leader is isolated (section 4.1)
  kNotLeader,        // the replica does not take itself for the leader (section 4.2)
  kTruncated,        // a snapshot ends within a field (section 5)
  kBadMagic,         // a snapshot does not begin with DKVS (section 5)
  kBadVersion,       // a snapshot of another version than 1 (section 5)
  kBadTerm,          // a snapshot with exactly one of commit index and term 0 (section 5)
  kBadCount,         // a snapshot with more keys than its commit index (section 5)
  kKeyOrder,         // a snapshot's key is not above the one before it (section 5)
  kTrailingBytes,    // a snapshot goes on after its last value (section 5)
  kKeySpace,         // a workload's key space outside 1 to 1,000,000 (section 8)
  kCount,            // a count outside its command's range (section 8)
  kUnknownScenario,  // a scenario that is neither A nor B (section 8)
  kDiverged,         // a scenario's replicas differ at the end (section 9)
  kLineLength,       // a line of more than 4,194,304 bytes (section 8)
  kUnknownCommand,   // a line whose first token is no command (section 8)
  kSyntax,           // a line whose tokens do not fit its command (section 8)
  kNoCluster,        // a command that needs a cluster, before the first `new` (section 8)
};

// How the port protocol spells a code: "replica-count" for kReplicaCount, and so on.
[[nodiscard]] std::string_view ErrorName(ErrorCode code) noexcept;

// Why LoadState refused a snapshot, and the offset in bytes, from 0, at which the field at fault
// begins (definition, section 5).
struct LoadError {
  ErrorCode code;
  std::uint64_t offset;

  friend bool operator==(const LoadError&, const LoadError&) noexcept = default;
};

// Either a value or an error. It must be looked at before it is used: value() of an error, and
// error() of a value, end the process.
template <typename T, typename E = ErrorCode>
class [[nodiscard]] Result {
 public:
  // Not explicit, so that a function can simply return what it has.
  Result(T value) noexcept : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) noexcept : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }

  [[nodiscard]] T& value() noexcept {
    DKV20_CHECK(ok());
    return *std::get_if<0>(&content_);
  }
  [[nodiscard]] const T& value() const noexcept {
    DKV20_CHECK(ok());
    return *std::get_if<0>(&content_);
  }
  [[nodiscard]] const E& error() const noexcept {
    DKV20_CHECK(!ok());
    return *std::get_if<1>(&content_);
  }

 private:
  std::variant<T, E> content_;
};

}  // namespace dkv20

#endif  // DKV20_ERROR_H_
