// An ordered map from byte strings to byte strings: a B+ tree.
//
// A replica applies every op to its map and dumps the map in order. A red-black tree has a cache
// miss at each level of a search and for each key of a dump. absl::btree_map holds 7 of our entries
// in a node, and its dumps take four times as long. Here a node holds up to 32 keys side by side,
// short keys and values inline, and the next leaf is prefetched during a dump.

#ifndef DKV20_ORDERED_MAP_H_
#define DKV20_ORDERED_MAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include "dkv20/byte_string.h"

namespace dkv20 {

// Keys are distinct and ascend by unsigned byte value. Not safe for use by several threads if one
// of them changes the map.
class OrderedMap {
 public:
  OrderedMap() noexcept : root_(std::make_unique<Node>()) {}
  // The copy shares long keys and values.
  OrderedMap(const OrderedMap& other) noexcept
      : root_(std::make_unique<Node>(*other.root_)),
        size_(other.size_),
        byte_count_(other.byte_count_) {}
  OrderedMap& operator=(const OrderedMap&) = delete;
  ~OrderedMap() = default;

  // The number of keys.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // The sum of the lengths of all keys and values, in bytes.
  [[nodiscard]] std::size_t byte_count() const noexcept { return byte_count_; }

  // Returns the key's value, or null if the key is absent. Valid until the map changes.
  [[nodiscard]] const ByteString* Get(const ByteString& key) const noexcept;

  // Maps the key to the value.
  void Put(const ByteString& key, const ByteString& value) noexcept;

  // Removes the key. Reports whether it was present.
  bool Remove(const ByteString& key) noexcept;

  // Calls visit(key, value) for each key, ascending. `visit` must not change the map.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    Walk(*root_, visit);
  }

 private:
  static constexpr std::size_t kNodeMax = 32;
  // A node with this many entries or fewer is underfull. Remove refills such a node on its way
  // down, so that none below the root becomes empty.
  static constexpr std::size_t kUnderfull = kNodeMax / 4;
  // Two nodes with at most this many entries together are merged. Below kNodeMax, so that the
  // next Put does not split the result.
  static constexpr std::size_t kMergeMax = kNodeMax * 3 / 4;

  // A leaf has values: keys[i] is the key of values[i]. An inner node has children: keys[i] is
  // above all keys below children[i - 1] and not above those below children[i]; keys[0] is the
  // bound that its parent has for it.
  struct Node {
    using Values = std::array<ByteString, kNodeMax>;
    using Children = std::array<std::unique_ptr<Node>, kNodeMax>;
    using Slots = std::variant<Values, Children>;

    Node() noexcept = default;
    // Copies the nodes below too.
    Node(const Node& other) noexcept
        : count(other.count), keys(other.keys), slots(CopySlots(other)) {}

    [[nodiscard]] bool is_leaf() const noexcept { return std::holds_alternative<Values>(slots); }
    [[nodiscard]] Values& values() noexcept { return *std::get_if<Values>(&slots); }
    [[nodiscard]] const Values& values() const noexcept { return *std::get_if<Values>(&slots); }
    [[nodiscard]] Children& children() noexcept { return *std::get_if<Children>(&slots); }
    [[nodiscard]] const Children& children() const noexcept {
      return *std::get_if<Children>(&slots);
    }

    std::size_t count = 0;
    std::array<ByteString, kNodeMax> keys;
    Slots slots;

   private:
    static Slots CopySlots(const Node& node) noexcept;
  };

  static std::size_t LowerBound(const Node& node, const ByteString& key) noexcept;
  static std::size_t ChildFor(const Node& inner, const ByteString& key) noexcept;
  static void Move(Node& from, std::size_t from_at, Node& to, std::size_t to_at,
                   std::size_t count) noexcept;
  static void OpenGap(Node& node, std::size_t at, std::size_t width) noexcept;
  static void CloseGap(Node& node, std::size_t at, std::size_t width) noexcept;
  static void SplitChild(Node& parent, std::size_t at) noexcept;
  static void RefillChild(Node& parent, std::size_t at) noexcept;

  Node& LeafWithRoom(const ByteString& key) noexcept;
  Node& LeafToRemoveFrom(const ByteString& key) noexcept;

  // Requests a leaf's memory before it is needed. Consecutive leaves are not adjacent in memory,
  // so the processor cannot predict where the walk goes on.
  static void Prefetch(const Node& leaf) noexcept {
    constexpr std::size_t kCacheLine = 64;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&leaf);
    for (std::size_t i = 0; i < sizeof(Node); i += kCacheLine) __builtin_prefetch(bytes + i);
  }

  template <typename Visit>
  static void Walk(const Node& node, const Visit& visit) {
    if (node.is_leaf()) {
      const Node::Values& values = node.values();
      for (std::size_t i = 0; i < node.count; ++i) visit(node.keys[i], values[i]);
      return;
    }
    const Node::Children& children = node.children();
    const bool above_leaves = children[0]->is_leaf();
    for (std::size_t i = 0; i < node.count; ++i) {
      if (above_leaves && i + 1 < node.count) Prefetch(*children[i + 1]);
      Walk(*children[i], visit);
    }
  }

  // Never null.
  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
  std::size_t byte_count_ = 0;
};

}  // namespace dkv20

#endif  // DKV20_ORDERED_MAP_H_
