// An ordered map from byte strings to byte strings: a B+ tree.
//
// A replica applies every op to a map of its own and dumps it in order. A red-black tree costs a
// cache miss at each of its levels and another for each key that is dumped; here a node holds up
// to 32 keys side by side, short keys and values in the node itself.

#ifndef DKV20_ORDERED_MAP_H_
#define DKV20_ORDERED_MAP_H_

#include <cstddef>
#include <cstdint>

#include "dkv20/byte_string.h"

namespace dkv20 {

// Keys are distinct and ordered by unsigned byte value. Not safe for use by several threads while
// one of them changes it.
class OrderedMap {
 public:
  OrderedMap() noexcept;
  // A map of its own with the same keys and values; long ones are shared, not copied.
  OrderedMap(const OrderedMap& other) noexcept;
  // Leaves `other` with what stood here.
  OrderedMap(OrderedMap&& other) noexcept : OrderedMap() { swap(other); }
  OrderedMap& operator=(OrderedMap other) noexcept {
    swap(other);
    return *this;
  }
  ~OrderedMap();

  void swap(OrderedMap& other) noexcept;

  // Number of keys.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // Sum of the lengths of all keys and values, in bytes.
  [[nodiscard]] std::size_t byte_count() const noexcept { return byte_count_; }

  // The key's value, or nullptr where it is absent. Valid until the map changes.
  [[nodiscard]] const ByteString* Find(const ByteString& key) const noexcept;

  // The key maps to the value afterwards.
  void Put(const ByteString& key, const ByteString& value) noexcept;

  // The key is absent afterwards. Tells whether it was there.
  bool Erase(const ByteString& key) noexcept;

  // Calls visit(key, value) for each key in ascending order. `visit` must not change the map.
  template <typename Visit>
  void ForEach(Visit visit) const {
    Walk(root_, height_, visit);
  }

 private:
  static constexpr std::size_t kNodeMax = 32;
  // A node below the root that is entered to erase has more entries than this.
  static constexpr std::size_t kNodeMin = kNodeMax / 4;
  // Two nodes become one where they have no more entries than this together; a little below
  // kNodeMax, so that the next Put does not split them again.
  static constexpr std::size_t kMergeMax = kNodeMax * 3 / 4;

  // What leaves and inner nodes share. In a leaf keys[i] is the key of values[i]; in an inner
  // node it is a lower bound of the keys below children[i] and above all keys below
  // children[i - 1]; keys[0] of an inner node is the bound that its parent has for it.
  struct Node {
    std::size_t count = 0;
    ByteString keys[kNodeMax];
  };
  struct Leaf : Node {
    ByteString values[kNodeMax];
  };
  struct Inner : Node {
    Node* children[kNodeMax] = {};
  };

  static std::size_t LowerBound(const Node& node, const ByteString& key) noexcept;
  static std::size_t ChildFor(const Inner& inner, const ByteString& key) noexcept;
  static Node* Clone(const Node* node, std::size_t height) noexcept;
  static void Free(Node* node, std::size_t height) noexcept;
  static void Move(Node* from, std::size_t from_at, Node* to, std::size_t to_at, std::size_t count,
                   std::size_t height) noexcept;
  static void OpenGap(Node* node, std::size_t at, std::size_t width, std::size_t height) noexcept;
  static void CloseGap(Node* node, std::size_t at, std::size_t width, std::size_t height) noexcept;
  static void SplitChild(Inner* inner, std::size_t at, std::size_t child_height) noexcept;
  static void Rebalance(Inner* inner, std::size_t at, std::size_t child_height) noexcept;

  Leaf* LeafWithRoom(const ByteString& key) noexcept;
  Leaf* LeafToEraseFrom(const ByteString& key) noexcept;

  // Asks for a leaf's memory before it is needed. Leaves that follow one another lie wherever
  // there was room when they were made, so that the processor cannot guess where to read on.
  static void Prefetch(const Node* leaf) noexcept {
    constexpr std::size_t kCacheLine = 64;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(leaf);
    for (std::size_t i = 0; i < sizeof(Leaf); i += kCacheLine) __builtin_prefetch(bytes + i);
  }

  template <typename Visit>
  static void Walk(const Node* node, std::size_t height, Visit& visit) {
    if (height == 0) {
      const auto* leaf = static_cast<const Leaf*>(node);
      for (std::size_t i = 0; i < leaf->count; ++i) visit(leaf->keys[i], leaf->values[i]);
      return;
    }
    const auto* inner = static_cast<const Inner*>(node);
    for (std::size_t i = 0; i < inner->count; ++i) {
      if (height == 1 && i + 1 < inner->count) Prefetch(inner->children[i + 1]);
      Walk(inner->children[i], height - 1, visit);
    }
  }

  // Levels of inner nodes above the leaves.
  std::size_t height_ = 0;
  Node* root_;
  std::size_t size_ = 0;
  std::size_t byte_count_ = 0;
};

}  // namespace dkv20

#endif  // DKV20_ORDERED_MAP_H_
