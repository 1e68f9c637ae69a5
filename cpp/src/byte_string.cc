#include "dkv20/byte_string.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>

namespace dkv20 {

// What long byte strings share. The bytes follow it.
struct ByteString::Shared {
  std::atomic<std::size_t> holders;
  std::size_t size;

  std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

ByteString::ByteString(std::span<const std::uint8_t> bytes) noexcept : bytes_{} {
  std::uint8_t* data = Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
}

ByteString::ByteString(std::string_view text) noexcept : bytes_{} {
  std::uint8_t* data = Allocate(text.size());
  if (!text.empty()) std::memcpy(data, text.data(), text.size());
}

void ByteString::Relocate(ByteString* from, ByteString* to, std::size_t count) noexcept {
  // From the end that is ahead, so that what is still to be moved is never written over.
  const bool backward = std::less<>()(from, to);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = backward ? count - 1 - i : i;
    to[at].bytes_ = std::exchange(from[at].bytes_, {});
  }
}

std::uint8_t* ByteString::Allocate(std::size_t size) noexcept {
  static_assert(sizeof(void*) <= kInlineMax && kInlineMax < kShared);
  if (size <= kInlineMax) {
    bytes_[kInlineMax] = static_cast<std::uint8_t>(size);
    return bytes_.data();
  }
  void* memory = ::operator new(sizeof(Shared) + size);
  auto* shared = new (memory) Shared{1, size};
  std::memcpy(bytes_.data(), &memory, sizeof(memory));
  bytes_[kInlineMax] = kShared;
  return shared->data();
}

std::size_t ByteString::SharedSize() const noexcept { return shared()->size; }

const std::uint8_t* ByteString::SharedData() const noexcept { return shared()->data(); }

void ByteString::Hold() const noexcept {
  shared()->holders.fetch_add(1, std::memory_order_relaxed);
}

void ByteString::Release() const noexcept {
  Shared* held = shared();
  // The last holder must see what the others did before it frees.
  if (held->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  held->~Shared();
  ::operator delete(held);
}

int ByteString::CompareShared(const ByteString& other) const noexcept {
  const std::size_t common = std::min(size(), other.size());
  const int order = common == 0 ? 0 : std::memcmp(data(), other.data(), common);
  if (order != 0) return order;
  if (size() == other.size()) return 0;
  return size() < other.size() ? -1 : 1;
}

}  // namespace dkv20
