#include "dkv20/op.h"

namespace dkv20 {

std::optional<ErrorCode> CheckKeyLength(std::size_t length) noexcept {
  if (length < 1 || length > kKeyLengthMax) return ErrorCode::kKeyLength;
  return std::nullopt;
}

std::optional<ErrorCode> CheckValueLength(std::size_t length) noexcept {
  if (length > kValueLengthMax) return ErrorCode::kValueLength;
  return std::nullopt;
}

std::optional<ErrorCode> CheckLimits(const Op& op) noexcept {
  if (op.kind() == OpKind::kNoOp) return std::nullopt;
  if (auto error = CheckKeyLength(op.key().size())) return error;
  return CheckValueLength(op.value().size());
}

void Encode(const Op& op, ByteWriter& writer) noexcept {
  writer.PutU8(static_cast<std::uint8_t>(op.kind()));
  if (op.kind() != OpKind::kNoOp) writer.AppendWithLength(op.key());
  if (op.kind() == OpKind::kPut) writer.AppendWithLength(op.value());
}

Bytes Encode(const Op& op) noexcept {
  Bytes out;
  BytesWriter writer(out);
  Encode(op, writer);
  writer.Flush();
  return out;
}

}  // namespace dkv20
