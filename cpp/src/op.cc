#include "dkv20/op.h"

#include "byte_writer.h"
#include "dkv20/limits.h"

namespace dkv20 {

Status Op::CheckLimits() const noexcept {
  if (kind_ == OpKind::kNoOp) return {};
  if (const Status status = CheckKeyLength(key_.size()); !status.ok()) return status;
  return CheckValueLength(value_.size());
}

void Op::Encode(Bytes& out) const noexcept {
  BytesWriter writer(out);
  writer.PutU8(static_cast<std::uint8_t>(kind_));
  if (kind_ != OpKind::kNoOp) writer.AppendWithLength(key_);
  if (kind_ == OpKind::kPut) writer.AppendWithLength(value_);
  writer.Flush();
}

Status CheckKeyLength(std::size_t length) noexcept {
  if (length < 1 || length > kKeyLengthMax) return ErrorCode::kKeyLength;
  return {};
}

Status CheckValueLength(std::size_t length) noexcept {
  if (length > kValueLengthMax) return ErrorCode::kValueLength;
  return {};
}

}  // namespace dkv20
