// The operations of the state machine, their limits and their encoding (definition, sections 1
// and 2).

#ifndef DKV20_OP_H_
#define DKV20_OP_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "dkv20/byte_string.h"
#include "dkv20/error.h"

namespace dkv20 {

// The kind of an op. The number is the tag at the start of its encoding.
enum class OpKind : std::uint8_t { kNoOp = 0, kPut = 1, kDel = 2 };

// One operation, immutable. An Op may exceed the limits of section 1; a cluster refuses it then.
class Op {
 public:
  // Changes nothing.
  [[nodiscard]] static Op NoOp() noexcept { return {}; }
  // Maps the key to the value.
  [[nodiscard]] static Op Put(ByteString key, ByteString value) noexcept {
    return {OpKind::kPut, std::move(key), std::move(value)};
  }
  // Removes the key. It is not an error if the key is absent.
  [[nodiscard]] static Op Del(ByteString key) noexcept {
    return {OpKind::kDel, std::move(key), ByteString()};
  }

  // The same as NoOp().
  Op() noexcept = default;

  [[nodiscard]] OpKind kind() const noexcept { return kind_; }
  // Empty for a NoOp.
  [[nodiscard]] const ByteString& key() const noexcept { return key_; }
  // Empty for a NoOp and a Del.
  [[nodiscard]] const ByteString& value() const noexcept { return value_; }

  // Returns kKeyLength if the op has a key outside 1 to kKeyLengthMax bytes, else kValueLength if
  // it has a value of more than kValueLengthMax bytes.
  [[nodiscard]] Status CheckLimits() const noexcept;

  // Appends the op's encoding to `out`: its tag; for a Put the key and the value, for a Del the
  // key, each after its length as a u32 (definition, section 2).
  void Encode(Bytes& out) const noexcept;

  friend bool operator==(const Op&, const Op&) noexcept = default;

 private:
  Op(OpKind kind, ByteString key, ByteString value) noexcept
      : kind_(kind), key_(std::move(key)), value_(std::move(value)) {}

  OpKind kind_ = OpKind::kNoOp;
  ByteString key_;
  ByteString value_;
};

// Returns kKeyLength unless `length` is 1 to kKeyLengthMax.
[[nodiscard]] Status CheckKeyLength(std::size_t length) noexcept;

// Returns kValueLength unless `length` is at most kValueLengthMax.
[[nodiscard]] Status CheckValueLength(std::size_t length) noexcept;

}  // namespace dkv20

#endif  // DKV20_OP_H_
