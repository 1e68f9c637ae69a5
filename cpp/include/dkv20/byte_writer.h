// Laying out bytes: integers by shifts, so that a big-endian machine writes the same.

#ifndef DKV20_BYTE_WRITER_H_
#define DKV20_BYTE_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dkv20/byte_string.h"

namespace dkv20 {

// Collects bytes in blocks and hands each full block to Write. What is left over is handed on by
// Flush, which must be called at the end.
class ByteWriter {
 public:
  ByteWriter() noexcept = default;
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;
  virtual ~ByteWriter() = default;

  void PutU8(std::uint8_t value) noexcept {
    MakeRoom(1);
    block_[size_++] = value;
  }
  // Four bytes, the least significant first.
  void PutU32Le(std::uint32_t value) noexcept {
    MakeRoom(4);
    StoreU32Le(value, block_.data() + size_);
    size_ += 4;
  }
  // Eight bytes, the least significant first.
  void PutU64Le(std::uint64_t value) noexcept {
    MakeRoom(8);
    for (unsigned i = 0; i < 8; ++i) {
      block_[size_ + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    size_ += 8;
  }
  // The bytes as they are, without a length.
  void Append(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() > kBlockSize) {
      AppendLarge(bytes);
      return;
    }
    MakeRoom(bytes.size());
    if (!bytes.empty()) std::memcpy(block_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // A u32 length and the bytes: how ops and snapshots hold byte strings.
  void AppendWithLength(const ByteString& bytes) noexcept {
    const std::size_t length = bytes.size();
    if (length > ByteString::kInlineMax) {
      PutU32Le(static_cast<std::uint32_t>(length));
      Append(bytes.view());
      return;
    }
    // A snapshot has these by the million: room is made, and the size stored, once for both.
    MakeRoom(4 + ByteString::kInlineMax + 1);
    StoreU32Le(static_cast<std::uint32_t>(length), block_.data() + size_);
    size_ += 4 + bytes.CopyTo(block_.data() + size_ + 4);
  }

  // Hands on what has been collected.
  void Flush() noexcept {
    if (size_ > 0) Write({block_.data(), size_});
    size_ = 0;
  }

 protected:
  // Takes the next bytes. They are valid during the call only.
  virtual void Write(std::span<const std::uint8_t> bytes) noexcept = 0;

 private:
  static constexpr std::size_t kBlockSize = 8192;

  static void StoreU32Le(std::uint32_t value, std::uint8_t* out) noexcept {
    for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void MakeRoom(std::size_t size) noexcept {
    if (kBlockSize - size_ < size) Flush();
  }
  void AppendLarge(std::span<const std::uint8_t> bytes) noexcept {
    Flush();
    Write(bytes);
  }

  std::size_t size_ = 0;
  // Not cleared: only its first size_ bytes are ever read.
  std::array<std::uint8_t, kBlockSize> block_;
};

// Appends to a vector that outlives it.
class BytesWriter final : public ByteWriter {
 public:
  explicit BytesWriter(Bytes& out) noexcept : out_(out) {}

 private:
  void Write(std::span<const std::uint8_t> bytes) noexcept override {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }

  Bytes& out_;
};

}  // namespace dkv20

#endif  // DKV20_BYTE_WRITER_H_
