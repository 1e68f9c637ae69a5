#include "dkv20/byte_string.h"

#include <algorithm>
#include <atomic>
#include <new>

namespace dkv20 {

// Precedes the bytes of a long byte string, in the same allocation. Not a std::shared_ptr: its two
// words would leave no room for inline bytes.
struct ByteString::Shared {
  std::atomic<std::size_t> reference_count;
  std::size_t size;

  std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

ByteString::ByteString(std::span<const std::uint8_t> bytes) noexcept : bytes_{} {
  std::uint8_t* data = Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
}

ByteString::ByteString(std::string_view text) noexcept
    : ByteString(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())) {}

std::uint8_t* ByteString::Allocate(std::size_t size) noexcept {
  static_assert(sizeof(void*) <= kInlineMax && kInlineMax < kShared);
  if (size <= kInlineMax) {
    bytes_[kInlineMax] = static_cast<std::uint8_t>(size);
    return bytes_.data();
  }
  // Raw memory, as the size of the allocation is not that of a type. Release frees it.
  void* memory = ::operator new(sizeof(Shared) + size);
  auto* shared = new (memory) Shared{1, size};
  std::memcpy(bytes_.data(), &memory, sizeof(memory));
  bytes_[kInlineMax] = kShared;
  return shared->data();
}

std::size_t ByteString::SharedSize() const noexcept { return shared()->size; }

const std::uint8_t* ByteString::SharedData() const noexcept { return shared()->data(); }

void ByteString::Acquire() const noexcept {
  shared()->reference_count.fetch_add(1, std::memory_order_relaxed);
}

void ByteString::Release() const noexcept {
  Shared* released = shared();
  // The last owner must see all accesses of the others before it frees the bytes.
  if (released->reference_count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  released->~Shared();
  ::operator delete(released);
}

int ByteString::CompareShared(const ByteString& other) const noexcept {
  const std::size_t common = std::min(size(), other.size());
  const int order = common == 0 ? 0 : std::memcmp(data(), other.data(), common);
  if (order != 0) return order;
  if (size() == other.size()) return 0;
  return size() < other.size() ? -1 : 1;
}

}  // namespace dkv20
