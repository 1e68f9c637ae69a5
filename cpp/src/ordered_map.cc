#include "ordered_map.h"

#include <algorithm>
#include <utility>

namespace dkv20 {

OrderedMap::Node::Slots OrderedMap::Node::CopySlots(const Node& node) noexcept {
  if (node.is_leaf()) return node.values();
  Slots slots(std::in_place_type<Children>);
  for (std::size_t i = 0; i < node.count; ++i) {
    (*std::get_if<Children>(&slots))[i] = std::make_unique<Node>(*node.children()[i]);
  }
  return slots;
}

// Returns the position of the first key that is not below `key`.
std::size_t OrderedMap::LowerBound(const Node& node, const ByteString& key) noexcept {
  const ByteString* begin = node.keys.data();
  return static_cast<std::size_t>(std::lower_bound(begin, begin + node.count, key) - begin);
}

// Returns the position of the child to which `key` belongs. Keys below all bounds belong to the
// first child, so keys[0] is not compared.
std::size_t OrderedMap::ChildFor(const Node& inner, const ByteString& key) noexcept {
  const ByteString* begin = inner.keys.data() + 1;
  const ByteString* end = inner.keys.data() + inner.count;
  return static_cast<std::size_t>(std::upper_bound(begin, end, key) - begin);
}

const ByteString* OrderedMap::Get(const ByteString& key) const noexcept {
  const Node* node = root_.get();
  while (!node->is_leaf()) node = node->children()[ChildFor(*node, key)].get();
  const std::size_t at = LowerBound(*node, key);
  if (at == node->count || node->keys[at] != key) return nullptr;
  return &node->values()[at];
}

void OrderedMap::Put(const ByteString& key, const ByteString& value) noexcept {
  Node& leaf = LeafWithRoom(key);
  const std::size_t at = LowerBound(leaf, key);
  if (at < leaf.count && leaf.keys[at] == key) {
    byte_count_ += value.size() - leaf.values()[at].size();
    leaf.values()[at] = value;
    return;
  }
  OpenGap(leaf, at, 1);
  leaf.keys[at] = key;
  leaf.values()[at] = value;
  byte_count_ += key.size() + value.size();
  ++size_;
}

bool OrderedMap::Remove(const ByteString& key) noexcept {
  Node& leaf = LeafToRemoveFrom(key);
  const std::size_t at = LowerBound(leaf, key);
  if (at == leaf.count || leaf.keys[at] != key) return false;
  byte_count_ -= leaf.keys[at].size() + leaf.values()[at].size();
  --size_;
  leaf.keys[at] = ByteString();
  leaf.values()[at] = ByteString();
  CloseGap(leaf, at, 1);
  return true;
}

// Returns the leaf to which `key` belongs. Splits each full node on the way down, so that every
// parent, and the leaf, has room for one more entry.
OrderedMap::Node& OrderedMap::LeafWithRoom(const ByteString& key) noexcept {
  if (root_->count == kNodeMax) {
    auto root = std::make_unique<Node>();
    root->count = 1;
    root->slots.emplace<Node::Children>()[0] = std::move(root_);
    root_ = std::move(root);
    SplitChild(*root_, 0);
  }
  Node* node = root_.get();
  while (!node->is_leaf()) {
    std::size_t at = ChildFor(*node, key);
    if (node->children()[at]->count == kNodeMax) {
      SplitChild(*node, at);
      at = ChildFor(*node, key);
    }
    node = node->children()[at].get();
  }
  return *node;
}

// Returns the leaf to which `key` belongs. Refills each underfull node on the way down.
OrderedMap::Node& OrderedMap::LeafToRemoveFrom(const ByteString& key) noexcept {
  Node* node = root_.get();
  while (!node->is_leaf()) {
    std::size_t at = ChildFor(*node, key);
    if (node->children()[at]->count <= kUnderfull) {
      RefillChild(*node, at + 1 < node->count ? at : at - 1);
      at = ChildFor(*node, key);
    }
    Node* child = node->children()[at].get();
    if (node->count == 1) {
      // Only the root can be left with one child, which takes its place.
      const std::unique_ptr<Node> old_root = std::move(root_);
      root_ = std::move(old_root->children()[0]);
    }
    node = child;
  }
  return *node;
}

// Moves `count` entries between nodes of the same kind, to where there are none. The two nodes
// may be one, and the ranges may overlap then.
void OrderedMap::Move(Node& from, std::size_t from_at, Node& to, std::size_t to_at,
                      std::size_t count) noexcept {
  const auto move = [&](auto& source, auto& target) {
    const auto begin = source.data() + from_at;
    const auto out = target.data() + to_at;
    if (from_at < to_at) {
      std::move_backward(begin, begin + count, out + count);
    } else {
      std::move(begin, begin + count, out);
    }
  };
  move(from.keys, to.keys);
  if (from.is_leaf()) {
    move(from.values(), to.values());
  } else {
    move(from.children(), to.children());
  }
}

// Makes room for `width` entries at position `at`.
void OrderedMap::OpenGap(Node& node, std::size_t at, std::size_t width) noexcept {
  Move(node, at, node, at + width, node.count - at);
  node.count += width;
}

// Closes the gap that `width` empty entries leave at position `at`.
void OrderedMap::CloseGap(Node& node, std::size_t at, std::size_t width) noexcept {
  Move(node, at + width, node, at, node.count - at - width);
  node.count -= width;
}

// Splits the full child at position `at` in halves. The parent must have room for one more.
void OrderedMap::SplitChild(Node& parent, std::size_t at) noexcept {
  Node& left = *parent.children()[at];
  auto right = std::make_unique<Node>();
  if (!left.is_leaf()) right->slots.emplace<Node::Children>();
  const std::size_t kept = left.count / 2;
  right->count = left.count - kept;
  Move(left, kept, *right, 0, right->count);
  left.count = kept;
  OpenGap(parent, at + 1, 1);
  parent.keys[at + 1] = right->keys[0];
  parent.children()[at + 1] = std::move(right);
}

// Merges the children at the positions `at` and `at` + 1 if one node has room for both, or else
// moves entries so that each has half.
void OrderedMap::RefillChild(Node& parent, std::size_t at) noexcept {
  Node& left = *parent.children()[at];
  Node& right = *parent.children()[at + 1];
  const std::size_t total = left.count + right.count;
  if (total <= kMergeMax) {
    Move(right, 0, left, left.count, right.count);
    left.count = total;
    parent.keys[at + 1] = ByteString();
    parent.children()[at + 1].reset();
    CloseGap(parent, at + 1, 1);
    return;
  }
  const std::size_t half = total / 2;
  if (left.count < half) {
    const std::size_t moved = half - left.count;
    Move(right, 0, left, left.count, moved);
    CloseGap(right, 0, moved);
  } else {
    const std::size_t moved = left.count - half;
    OpenGap(right, 0, moved);
    Move(left, half, right, 0, moved);
  }
  left.count = half;
  parent.keys[at + 1] = right.keys[0];
}

}  // namespace dkv20
