// An immutable byte string, ordered as the definition orders keys.

#ifndef DKV20_BYTE_STRING_H_
#define DKV20_BYTE_STRING_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace dkv20 {

// A growing sequence of bytes: snapshots, encoded ops.
using Bytes = std::vector<std::uint8_t>;

// Any sequence of bytes, NUL and invalid UTF-8 included (definition, section 1). Up to 15 bytes
// are stored inline; the bytes of a longer one are shared by its copies and freed with the last.
// The order is that of unsigned bytes, with a proper prefix first.
//
// Copies that share their bytes may be used from several threads, as with std::shared_ptr.
class ByteString {
 public:
  // The length, in bytes, up to which no memory is allocated.
  static constexpr std::size_t kInlineMax = 15;

  // The empty byte string.
  ByteString() noexcept : bytes_{} {}

  // Copies the bytes. A char* converts to a string_view up to its first NUL: for bytes that
  // contain NUL, pass a string_view with a length.
  explicit ByteString(std::span<const std::uint8_t> bytes) noexcept;
  explicit ByteString(std::string_view text) noexcept;

  ByteString(const ByteString& other) noexcept : bytes_(other.bytes_) {
    if (!is_inline()) Acquire();
  }
  // Leaves `other` empty.
  ByteString(ByteString&& other) noexcept : bytes_{} { swap(other); }
  ByteString& operator=(const ByteString& other) noexcept {
    ByteString copy(other);
    swap(copy);
    return *this;
  }
  // Leaves `other` with this object's old bytes.
  ByteString& operator=(ByteString&& other) noexcept {
    swap(other);
    return *this;
  }
  ~ByteString() {
    if (!is_inline()) Release();
  }

  void swap(ByteString& other) noexcept { std::swap(bytes_, other.bytes_); }

  // Returns a byte string of `size` bytes. fill(data) must write data[0] to data[size - 1] and
  // must not throw.
  template <typename Fill>
  [[nodiscard]] static ByteString Build(std::size_t size, Fill fill) noexcept {
    ByteString built;
    fill(built.Allocate(size));
    return built;
  }

  // The length in bytes.
  [[nodiscard]] std::size_t size() const noexcept {
    return is_inline() ? bytes_[kInlineMax] : SharedSize();
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_[kInlineMax] == 0; }
  // The bytes. Valid until this object is assigned to, moved from or destroyed.
  [[nodiscard]] const std::uint8_t* data() const noexcept {
    return is_inline() ? bytes_.data() : SharedData();
  }
  [[nodiscard]] std::span<const std::uint8_t> view() const noexcept { return {data(), size()}; }

  friend bool operator==(const ByteString& a, const ByteString& b) noexcept {
    if (a.is_inline() || b.is_inline()) return a.bytes_ == b.bytes_;
    return a.CompareShared(b) == 0;
  }
  friend std::strong_ordering operator<=>(const ByteString& a, const ByteString& b) noexcept {
    if (a.is_inline() && b.is_inline()) {
      if (a.Head() != b.Head()) return a.Head() <=> b.Head();
      return a.Tail() <=> b.Tail();
    }
    return a.CompareShared(b) <=> 0;
  }

 private:
  // For CopyTo, which is fast but writes more than size() bytes.
  friend class ByteWriter;

  // The last byte if the bytes are shared. Otherwise the last byte is the length.
  static constexpr std::uint8_t kShared = 0xff;

  struct Shared;

  static std::uint64_t LoadBigEndian(const std::uint8_t* p) noexcept {
    return (std::uint64_t{p[0]} << 56) | (std::uint64_t{p[1]} << 48) | (std::uint64_t{p[2]} << 40) |
           (std::uint64_t{p[3]} << 32) | (std::uint64_t{p[4]} << 24) | (std::uint64_t{p[5]} << 16) |
           (std::uint64_t{p[6]} << 8) | std::uint64_t{p[7]};
  }

  [[nodiscard]] bool is_inline() const noexcept { return bytes_[kInlineMax] != kShared; }
  // Inline bytes are padded with zeros and followed by their length. So, as two big-endian
  // integers, they compare as the byte strings do; a proper prefix has the smaller length.
  [[nodiscard]] std::uint64_t Head() const noexcept { return LoadBigEndian(bytes_.data()); }
  [[nodiscard]] std::uint64_t Tail() const noexcept { return LoadBigEndian(bytes_.data() + 8); }

  // Makes an empty object one of `size` bytes and returns where to write them.
  std::uint8_t* Allocate(std::size_t size) noexcept;
  [[nodiscard]] Shared* shared() const noexcept {
    // Not cast: the pointer is stored in an array of bytes.
    void* pointer = nullptr;
    std::memcpy(&pointer, bytes_.data(), sizeof(pointer));
    return static_cast<Shared*>(pointer);
  }
  [[nodiscard]] std::size_t SharedSize() const noexcept;
  [[nodiscard]] const std::uint8_t* SharedData() const noexcept;
  void Acquire() const noexcept;
  void Release() const noexcept;
  // Returns a number below, equal to or above 0, as memcmp does.
  [[nodiscard]] int CompareShared(const ByteString& other) const noexcept;

  // Writes the bytes to `out`, where there must be room for at least 16, and returns size(). The
  // contents of out[size() .. 15] are unspecified.
  std::size_t CopyTo(std::uint8_t* out) const noexcept {
    if (is_inline()) {
      // The length of this copy is a constant, so that it compiles to two instructions.
      std::memcpy(out, bytes_.data(), sizeof(bytes_));
      return bytes_[kInlineMax];
    }
    std::memcpy(out, SharedData(), SharedSize());
    return SharedSize();
  }

  alignas(8) std::array<std::uint8_t, kInlineMax + 1> bytes_;
};

}  // namespace dkv20

#endif  // DKV20_BYTE_STRING_H_
