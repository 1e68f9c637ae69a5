#include "dkv20/ordered_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dkv20 {

OrderedMap::OrderedMap() noexcept : root_(new Leaf) {}

OrderedMap::OrderedMap(const OrderedMap& other) noexcept
    : height_(other.height_),
      root_(Clone(other.root_, other.height_)),
      size_(other.size_),
      byte_count_(other.byte_count_) {}

OrderedMap::~OrderedMap() { Free(root_, height_); }

void OrderedMap::swap(OrderedMap& other) noexcept {
  std::swap(height_, other.height_);
  std::swap(root_, other.root_);
  std::swap(size_, other.size_);
  std::swap(byte_count_, other.byte_count_);
}

// The position of the first key that is not below `key`.
std::size_t OrderedMap::LowerBound(const Node& node, const ByteString& key) noexcept {
  return static_cast<std::size_t>(std::lower_bound(node.keys, node.keys + node.count, key) -
                                  node.keys);
}

// The position of the child below which `key` belongs.
std::size_t OrderedMap::ChildFor(const Inner& inner, const ByteString& key) noexcept {
  // Not the first bound: what is below it belongs to the first child too.
  return static_cast<std::size_t>(std::upper_bound(inner.keys + 1, inner.keys + inner.count, key) -
                                  (inner.keys + 1));
}

const ByteString* OrderedMap::Find(const ByteString& key) const noexcept {
  const Node* node = root_;
  for (std::size_t h = height_; h > 0; --h) {
    const auto* inner = static_cast<const Inner*>(node);
    node = inner->children[ChildFor(*inner, key)];
  }
  const std::size_t at = LowerBound(*node, key);
  if (at == node->count || node->keys[at] != key) return nullptr;
  return &static_cast<const Leaf*>(node)->values[at];
}

void OrderedMap::Put(const ByteString& key, const ByteString& value) noexcept {
  Leaf* leaf = LeafWithRoom(key);
  const std::size_t at = LowerBound(*leaf, key);
  if (at < leaf->count && leaf->keys[at] == key) {
    byte_count_ += value.size() - leaf->values[at].size();
    leaf->values[at] = value;
    return;
  }
  OpenGap(leaf, at, 1, 0);
  leaf->keys[at] = key;
  leaf->values[at] = value;
  byte_count_ += key.size() + value.size();
  ++size_;
}

bool OrderedMap::Erase(const ByteString& key) noexcept {
  Leaf* leaf = LeafToEraseFrom(key);
  const std::size_t at = LowerBound(*leaf, key);
  if (at == leaf->count || leaf->keys[at] != key) return false;
  byte_count_ -= leaf->keys[at].size() + leaf->values[at].size();
  --size_;
  leaf->keys[at] = ByteString();
  leaf->values[at] = ByteString();
  CloseGap(leaf, at, 1, 0);
  return true;
}

// The leaf in which `key` belongs. Splits each full node on the way, so that it, and every node
// above it, has room for one more entry.
OrderedMap::Leaf* OrderedMap::LeafWithRoom(const ByteString& key) noexcept {
  if (root_->count == kNodeMax) {
    auto* root = new Inner;
    root->count = 1;
    root->children[0] = root_;
    SplitChild(root, 0, height_++);
    root_ = root;
  }
  Node* node = root_;
  for (std::size_t h = height_; h > 0; --h) {
    auto* inner = static_cast<Inner*>(node);
    std::size_t at = ChildFor(*inner, key);
    if (inner->children[at]->count == kNodeMax) {
      SplitChild(inner, at, h - 1);
      at = ChildFor(*inner, key);
    }
    node = inner->children[at];
  }
  return static_cast<Leaf*>(node);
}

// The leaf in which `key` belongs. Fills each poor node on the way, so that no node below the
// root is left without entries.
OrderedMap::Leaf* OrderedMap::LeafToEraseFrom(const ByteString& key) noexcept {
  Node* node = root_;
  for (std::size_t h = height_; h > 0; --h) {
    auto* inner = static_cast<Inner*>(node);
    std::size_t at = ChildFor(*inner, key);
    if (inner->children[at]->count <= kNodeMin) {
      Rebalance(inner, at + 1 < inner->count ? at : at - 1, h - 1);
      at = ChildFor(*inner, key);
    }
    node = inner->children[at];
    if (inner == root_ && inner->count == 1) {
      root_ = node;
      --height_;
      delete inner;
    }
  }
  return static_cast<Leaf*>(node);
}

OrderedMap::Node* OrderedMap::Clone(const Node* node, std::size_t height) noexcept {
  if (height == 0) return new Leaf(*static_cast<const Leaf*>(node));
  auto* inner = new Inner(*static_cast<const Inner*>(node));
  for (std::size_t i = 0; i < inner->count; ++i) {
    inner->children[i] = Clone(inner->children[i], height - 1);
  }
  return inner;
}

void OrderedMap::Free(Node* node, std::size_t height) noexcept {
  if (height == 0) {
    delete static_cast<Leaf*>(node);
    return;
  }
  auto* inner = static_cast<Inner*>(node);
  for (std::size_t i = 0; i < inner->count; ++i) Free(inner->children[i], height - 1);
  delete inner;
}

// Moves `count` entries to where there are none. The two nodes may be one, where the ranges may
// overlap too.
void OrderedMap::Move(Node* from, std::size_t from_at, Node* to, std::size_t to_at,
                      std::size_t count, std::size_t height) noexcept {
  ByteString::Relocate(from->keys + from_at, to->keys + to_at, count);
  if (height == 0) {
    ByteString::Relocate(static_cast<Leaf*>(from)->values + from_at,
                         static_cast<Leaf*>(to)->values + to_at, count);
  } else {
    std::memmove(static_cast<Inner*>(to)->children + to_at,
                 static_cast<Inner*>(from)->children + from_at,
                 count * sizeof(Node*));  // NOLINT(bugprone-sizeof-expression): pointers are moved
  }
}

// Makes room for `width` entries at position `at`.
void OrderedMap::OpenGap(Node* node, std::size_t at, std::size_t width,
                         std::size_t height) noexcept {
  Move(node, at, node, at + width, node->count - at, height);
  node->count += width;
}

// Closes up over `width` entries at position `at` that have been moved away or emptied.
void OrderedMap::CloseGap(Node* node, std::size_t at, std::size_t width,
                          std::size_t height) noexcept {
  Move(node, at + width, node, at, node->count - at - width, height);
  node->count -= width;
}

// Splits the full child at position `at` into halves. `inner` must have room for one more.
void OrderedMap::SplitChild(Inner* inner, std::size_t at, std::size_t child_height) noexcept {
  Node* left = inner->children[at];
  Node* right = child_height == 0 ? static_cast<Node*>(new Leaf) : new Inner;
  const std::size_t kept = left->count / 2;
  right->count = left->count - kept;
  Move(left, kept, right, 0, right->count, child_height);
  left->count = kept;
  OpenGap(inner, at + 1, 1, child_height + 1);
  inner->keys[at + 1] = right->keys[0];
  inner->children[at + 1] = right;
}

// Evens out the children at the positions `at` and `at` + 1, or makes them one.
void OrderedMap::Rebalance(Inner* inner, std::size_t at, std::size_t child_height) noexcept {
  Node* left = inner->children[at];
  Node* right = inner->children[at + 1];
  const std::size_t total = left->count + right->count;
  if (total <= kMergeMax) {
    Move(right, 0, left, left->count, right->count, child_height);
    left->count = total;
    right->count = 0;
    Free(right, child_height);
    inner->keys[at + 1] = ByteString();
    CloseGap(inner, at + 1, 1, child_height + 1);
    return;
  }
  const std::size_t left_count = total / 2;
  if (left->count < left_count) {
    const std::size_t moved = left_count - left->count;
    Move(right, 0, left, left->count, moved, child_height);
    left->count += moved;
    CloseGap(right, 0, moved, child_height);
  } else {
    const std::size_t moved = left->count - left_count;
    OpenGap(right, 0, moved, child_height);
    Move(left, left_count, right, 0, moved, child_height);
    left->count -= moved;
  }
  inner->keys[at + 1] = right->keys[0];
}

}  // namespace dkv20
