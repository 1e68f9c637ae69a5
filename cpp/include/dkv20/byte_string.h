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

// Bytes that are laid out or read: snapshots, encoded ops.
using Bytes = std::vector<std::uint8_t>;

// Any sequence of bytes, NUL and invalid UTF-8 included (definition, section 1). Up to 15 bytes
// stand in the object itself; longer ones are held once, however many copies there are, and
// freed with the last copy. Ordered by unsigned byte value, a proper prefix first, whatever
// the signedness of char.
//
// Copies that share their bytes may be used from several threads, as with std::shared_ptr.
class ByteString {
 public:
  // Longest byte string, in bytes, that takes no memory besides the object.
  static constexpr std::size_t kInlineMax = 15;

  // The empty byte string.
  ByteString() noexcept : bytes_{} {}

  // A copy of `bytes`, or of the bytes of `text`. A char* ends at its first NUL: give a
  // string_view with a length for bytes that hold one.
  explicit ByteString(std::span<const std::uint8_t> bytes) noexcept;
  explicit ByteString(std::string_view text) noexcept;

  ByteString(const ByteString& other) noexcept : bytes_(other.bytes_) {
    if (!is_inline()) Hold();
  }
  // Leaves `other` empty.
  ByteString(ByteString&& other) noexcept : bytes_{} { swap(other); }
  ByteString& operator=(const ByteString& other) noexcept {
    ByteString copy(other);
    swap(copy);
    return *this;
  }
  // Leaves in `other` what stood here.
  ByteString& operator=(ByteString&& other) noexcept {
    swap(other);
    return *this;
  }
  ~ByteString() {
    if (!is_inline()) Release();
  }

  void swap(ByteString& other) noexcept { std::swap(bytes_, other.bytes_); }

  // Moves `count` byte strings from `from` to `to`, in one array or two, and leaves empty ones
  // where they stood. What stands at `to` and is not itself moved must be empty. Cheaper than
  // moving one by one: nothing is counted or looked at.
  static void Relocate(ByteString* from, ByteString* to, std::size_t count) noexcept;

  // Writes the bytes to out[0 .. size() - 1]; may write anything up to out[15]. Answers size().
  std::size_t CopyTo(std::uint8_t* out) const noexcept {
    if (is_inline()) {
      // A copy of constant length is a pair of instructions, whatever the byte string's length.
      std::memcpy(out, bytes_.data(), sizeof(bytes_));
      return bytes_[kInlineMax];
    }
    std::memcpy(out, SharedData(), SharedSize());
    return SharedSize();
  }

  // A byte string of `size` bytes, made by fill(data), which must write all of them to
  // data[0 .. size - 1] and must not throw.
  template <typename Fill>
  [[nodiscard]] static ByteString Build(std::size_t size, Fill fill) noexcept {
    ByteString built;
    fill(built.Allocate(size));
    return built;
  }

  // Length in bytes.
  [[nodiscard]] std::size_t size() const noexcept {
    return is_inline() ? bytes_[kInlineMax] : SharedSize();
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_[kInlineMax] == 0; }
  // The bytes; they live as long as this object, unmoved and unassigned.
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
  // Stands in the last byte where the bytes are shared; otherwise that byte is the length.
  static constexpr std::uint8_t kShared = 0xff;

  struct Shared;

  static std::uint64_t LoadBigEndian(const std::uint8_t* p) noexcept {
    return (std::uint64_t{p[0]} << 56) | (std::uint64_t{p[1]} << 48) | (std::uint64_t{p[2]} << 40) |
           (std::uint64_t{p[3]} << 32) | (std::uint64_t{p[4]} << 24) | (std::uint64_t{p[5]} << 16) |
           (std::uint64_t{p[6]} << 8) | std::uint64_t{p[7]};
  }

  [[nodiscard]] bool is_inline() const noexcept { return bytes_[kInlineMax] != kShared; }
  // Inline bytes are padded with zeros and followed by their length: as two big-endian
  // integers they compare as the byte strings do, a proper prefix by its smaller length.
  [[nodiscard]] std::uint64_t Head() const noexcept { return LoadBigEndian(bytes_.data()); }
  [[nodiscard]] std::uint64_t Tail() const noexcept { return LoadBigEndian(bytes_.data() + 8); }

  // The room for `size` bytes in an empty object.
  std::uint8_t* Allocate(std::size_t size) noexcept;
  [[nodiscard]] Shared* shared() const noexcept {
    void* pointer = nullptr;
    std::memcpy(&pointer, bytes_.data(), sizeof(pointer));
    return static_cast<Shared*>(pointer);
  }
  [[nodiscard]] std::size_t SharedSize() const noexcept;
  [[nodiscard]] const std::uint8_t* SharedData() const noexcept;
  void Hold() const noexcept;
  void Release() const noexcept;
  // Below 0, 0 or above 0 as this sorts before, with or after `other`.
  [[nodiscard]] int CompareShared(const ByteString& other) const noexcept;

  alignas(8) std::array<std::uint8_t, kInlineMax + 1> bytes_;
};

}  // namespace dkv20

#endif  // DKV20_BYTE_STRING_H_
