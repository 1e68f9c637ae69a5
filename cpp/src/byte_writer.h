// Writers of bytes. Integers are written by shifts, so that the result does not depend on the
// machine's byte order.

#ifndef DKV20_BYTE_WRITER_H_
#define DKV20_BYTE_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dkv20/byte_string.h"

namespace dkv20 {

// Collects bytes in a block and passes each full block to Write. Flush must be called at the end.
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
  // The bytes of the value, the least significant first.
  void PutU32Le(std::uint32_t value) noexcept {
    MakeRoom(4);
    StoreLe<4>(value);
  }
  void PutU64Le(std::uint64_t value) noexcept {
    MakeRoom(8);
    StoreLe<8>(value);
  }
  // The bytes alone.
  void Append(std::span<const std::uint8_t> bytes) noexcept {
    MakeRoom(bytes.size());
    if (bytes.size() > kBlockSize) return Write(bytes);
    if (!bytes.empty()) std::memcpy(block_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // The length as a u32, then the bytes: a byte string of an op or a snapshot.
  void AppendWithLength(const ByteString& bytes) noexcept {
    const std::size_t length = bytes.size();
    if (length > ByteString::kInlineMax) {
      PutU32Le(static_cast<std::uint32_t>(length));
      Append(bytes.view());
      return;
    }
    // The common case in a large map: room is made once for both parts.
    MakeRoom(4 + ByteString::kInlineMax + 1);
    StoreLe<4>(length);
    size_ += bytes.CopyTo(block_.data() + size_);
  }

  // Passes on the bytes that have been collected.
  void Flush() noexcept {
    if (size_ > 0) Write({block_.data(), size_});
    size_ = 0;
  }

 protected:
  // Takes the next bytes, which are valid only during the call.
  virtual void Write(std::span<const std::uint8_t> bytes) noexcept = 0;

 private:
  static constexpr std::size_t kBlockSize = 8192;

  template <unsigned kWidth>
  void StoreLe(std::uint64_t value) noexcept {
    for (unsigned i = 0; i < kWidth; ++i) {
      block_[size_ + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    size_ += kWidth;
  }
  void MakeRoom(std::size_t size) noexcept {
    if (kBlockSize - size_ < size) Flush();
  }

  std::size_t size_ = 0;
  // Uninitialised: only the first size_ bytes are read.
  std::array<std::uint8_t, kBlockSize> block_;
};

// Appends to a vector, which must outlive it.
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
