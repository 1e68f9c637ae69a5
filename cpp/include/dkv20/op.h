// The operations of the state machine, their limits and their encoding (definition, sections 1
// and 2).

#ifndef DKV20_OP_H_
#define DKV20_OP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "dkv20/byte_string.h"
#include "dkv20/byte_writer.h"
#include "dkv20/error.h"

namespace dkv20 {

// Most replicas that a cluster has; the least is 1.
inline constexpr std::size_t kReplicasMax = 64;
// Greatest length of a key in bytes; the least is 1.
inline constexpr std::size_t kKeyLengthMax = 4096;
// Greatest length of a value in bytes; the least is 0.
inline constexpr std::size_t kValueLengthMax = 1048576;

// Which op it is; the number is the tag that its encoding begins with.
enum class OpKind : std::uint8_t { kNoOp = 0, kPut = 1, kDel = 2 };

// One operation, immutable. It may break the limits: CheckLimits tells, and a cluster refuses
// what does.
class Op {
 public:
  // Changes nothing.
  [[nodiscard]] static Op NoOp() noexcept { return {OpKind::kNoOp, ByteString(), ByteString()}; }
  // The key maps to the value afterwards, whatever it mapped to before.
  [[nodiscard]] static Op Put(ByteString key, ByteString value) noexcept {
    return {OpKind::kPut, std::move(key), std::move(value)};
  }
  // The key is absent afterwards. Deleting an absent key is not an error.
  [[nodiscard]] static Op Del(ByteString key) noexcept {
    return {OpKind::kDel, std::move(key), ByteString()};
  }

  // The same as NoOp().
  Op() noexcept = default;

  [[nodiscard]] OpKind kind() const noexcept { return kind_; }
  // Empty for NoOp.
  [[nodiscard]] const ByteString& key() const noexcept { return key_; }
  // Empty for NoOp and Del.
  [[nodiscard]] const ByteString& value() const noexcept { return value_; }

  friend bool operator==(const Op&, const Op&) noexcept = default;

 private:
  Op(OpKind kind, ByteString key, ByteString value) noexcept
      : kind_(kind), key_(std::move(key)), value_(std::move(value)) {}

  OpKind kind_ = OpKind::kNoOp;
  ByteString key_;
  ByteString value_;
};

// kKeyLength where a key of `length` bytes is outside the limits, else nothing.
[[nodiscard]] std::optional<ErrorCode> CheckKeyLength(std::size_t length) noexcept;

// kValueLength where a value of `length` bytes is outside the limits, else nothing.
[[nodiscard]] std::optional<ErrorCode> CheckValueLength(std::size_t length) noexcept;

// kKeyLength where the op has a key outside its limits, else kValueLength where it has a value
// outside its limits, else nothing.
[[nodiscard]] std::optional<ErrorCode> CheckLimits(const Op& op) noexcept;

// Writes the op's encoding: its tag; for Put u32 key length, key, u32 value length, value; for
// Del u32 key length, key (definition, section 2).
void Encode(const Op& op, ByteWriter& writer) noexcept;

// The op's encoding as bytes.
[[nodiscard]] Bytes Encode(const Op& op) noexcept;

}  // namespace dkv20

#endif  // DKV20_OP_H_
