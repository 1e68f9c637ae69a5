// Helpers that the tests share.

#ifndef DKV20_TESTS_SUPPORT_H_
#define DKV20_TESTS_SUPPORT_H_

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dkv20/cluster.h"
#include "dkv20/session.h"
#include "dkv20/splitmix64.h"

namespace dkv20::testing {

inline ByteString Str(std::string_view text) { return ByteString(text); }
inline ByteString Str(std::initializer_list<int> bytes) {
  Bytes made;
  for (const int byte : bytes) made.push_back(static_cast<std::uint8_t>(byte));
  return ByteString(std::span<const std::uint8_t>(made));
}
inline ByteString Repeated(std::size_t size, char byte = 'x') {
  return ByteString(std::string_view(std::string(size, byte)));
}
inline Op Put(std::string_view key, std::string_view value) {
  return Op::Put(Str(key), Str(value));
}
inline Op Del(std::string_view key) { return Op::Del(Str(key)); }

inline Cluster MakeCluster(std::uint64_t size) { return Cluster::New(size).value(); }

// Operations that must succeed.
inline Outcome Propose(Cluster& cluster, Op op) { return cluster.Propose(std::move(op)).value(); }
inline Outcome ProposeAt(Cluster& cluster, ReplicaId id, Op op) {
  return cluster.ProposeAt(id, std::move(op)).value();
}
inline void Partition(Cluster& cluster, const std::vector<ReplicaId>& ids) {
  EXPECT_TRUE(cluster.Partition(ids).ok());
}
inline void HealIds(Cluster& cluster, const std::vector<ReplicaId>& ids) {
  EXPECT_TRUE(cluster.HealIds(ids).ok());
}
inline void CompactIds(Cluster& cluster, const std::vector<ReplicaId>& ids) {
  EXPECT_TRUE(cluster.CompactIds(ids).ok());
}

// Returns the replica's value as text; nothing if the key is absent.
inline std::optional<std::string> Get(const Cluster& cluster, ReplicaId id, std::string_view key) {
  const ByteString* value = cluster.replica(id)->Get(Str(key));
  if (value == nullptr) return std::nullopt;
  return std::string(value->data(), value->data() + value->size());
}

inline void ExpectIdentical(const Cluster& cluster) {
  const Replica& first = *cluster.replica(0);
  for (ReplicaId id = 0; id < cluster.size(); ++id) {
    EXPECT_EQ(cluster.replica(id)->DumpState(), first.DumpState()) << "replica " << id;
    EXPECT_EQ(cluster.replica(id)->SnapshotHash(), first.SnapshotHash()) << "replica " << id;
  }
}

// Returns all that can be observed of a cluster.
inline std::string Describe(const Cluster& cluster) {
  std::string text = std::to_string(cluster.leader()) + " " + std::to_string(cluster.term()) + " ";
  for (ReplicaId id = 0; id < cluster.size(); ++id) {
    const Replica& replica = *cluster.replica(id);
    text += "\n" + std::to_string(id) + (cluster.IsPartitioned(id).value() ? " isolated " : " ");
    text += RoleName(replica.role());
    for (const std::uint64_t number :
         {replica.term(), replica.base(), replica.commit_index(), replica.last()}) {
      text += " " + std::to_string(number);
    }
    text += " " + replica.LogHash() + " " + replica.SnapshotHash();
  }
  return text;
}

// Returns the answer to a line, "(none)" if there is none.
inline std::string Ask(Session& session, std::string_view line) {
  std::string answer;
  return session.RunLine(line, answer) ? answer : "(none)" + answer;
}

inline std::string Sha256Hex(std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, 32> hash{};
  EXPECT_EQ(
      EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), hash.data(), nullptr),
      1);
  std::string hex;
  for (const std::uint8_t byte : hash) {
    hex += "0123456789abcdef"[byte / 16];
    hex += "0123456789abcdef"[byte % 16];
  }
  return hex;
}
inline std::string Sha256Hex(std::string_view text) {
  return Sha256Hex(Bytes(text.begin(), text.end()));
}

// The order of byte strings as section 1 defines it.
struct UnsignedLess {
  bool operator()(const Bytes& a, const Bytes& b) const {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (a[i] != b[i]) return a[i] < b[i];
    }
    return a.size() < b.size();
  }
};

// Returns the parts of a list that are separated by bars.
inline std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == '|') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Choices that a seed determines.
class Random {
 public:
  explicit Random(std::uint64_t seed) : draws_(seed) {}
  // Returns a number below `bound`.
  std::uint64_t Below(std::uint64_t bound) { return draws_.Next() % bound; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  std::uint64_t Any() { return draws_.Next(); }
  template <typename T>
  const T& Of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(Below(choices.size()))];
  }

 private:
  SplitMix64 draws_;
};

}  // namespace dkv20::testing

#endif  // DKV20_TESTS_SUPPORT_H_
