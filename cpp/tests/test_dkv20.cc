// The twenty numbered cases (definition, section 12).

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/cluster.h"
#include "dkv20/scenario.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Del;
using testing::Describe;
using testing::ExpectAllIdentical;
using testing::Get;
using testing::MakeCluster;
using testing::Propose;
using testing::ProposeAt;
using testing::Put;
using testing::Str;

constexpr std::string_view kHashA =
    "e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a";
constexpr std::string_view kHashB =
    "04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681";

Bytes BytesOf(std::string_view text) { return {text.begin(), text.end()}; }

// The state of section 5's table, written by hand: commit index 0x0102, term 3, two keys.
constexpr std::string_view kSnapshot =
    "DKVS"
    "\x01\x00\x00\x00"
    "\x02\x01\x00\x00\x00\x00\x00\x00"
    "\x03\x00\x00\x00\x00\x00\x00\x00"
    "\x02\x00\x00\x00\x00\x00\x00\x00"
    "\x01\x00\x00\x00"
    "a"
    "\x02\x00\x00\x00"
    "vw"
    "\x02\x00\x00\x00"
    "\x80\x00"
    "\x00\x00\x00\x00"sv;

TEST(Dkv20, Case01OneReplicaIsItsOwnQuorum) {
  Cluster cluster = MakeCluster(1);
  EXPECT_EQ(cluster.quorum(), 1U);
  EXPECT_EQ(Propose(cluster, Put("a", "v")), (Outcome{true, 1, 1}));
  EXPECT_EQ(cluster.replica(0)->commit_index(), 1U);
  EXPECT_EQ(Get(cluster, 0, "a"), "v");
}

TEST(Dkv20, Case02OneProposalReachesAllFive) {
  Cluster cluster = MakeCluster(5);
  EXPECT_EQ(cluster.quorum(), 3U);
  EXPECT_TRUE(Propose(cluster, Put("a", "v")).committed);
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(cluster.replica(id)->commit_index(), 1U) << id;
    EXPECT_EQ(Get(cluster, id, "a"), "v") << id;
  }
}

TEST(Dkv20, Case03QuorumGatesCommit) {
  Cluster one = MakeCluster(1);
  EXPECT_TRUE(Propose(one, Put("a", "v")).committed);

  Cluster five = MakeCluster(5);
  five.Partition({2, 3, 4});
  EXPECT_EQ(Propose(five, Put("a", "v")), (Outcome{false, 1, 1}));
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(five.replica(id)->commit_index(), 0U) << id;
    EXPECT_EQ(five.replica(id)->key_count(), 0U) << id;
  }
  EXPECT_EQ(five.replica(1)->last(), 1U);

  Cluster four = MakeCluster(4);  // An even number: half of it is no quorum.
  EXPECT_EQ(four.quorum(), 3U);
  four.Partition({2, 3});
  EXPECT_FALSE(Propose(four, Put("a", "v")).committed);
}

TEST(Dkv20, Case04MajorityCommitsMinorityStays) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({3, 4});
  EXPECT_EQ(cluster.isolated_ids(), (std::vector<ReplicaId>{3, 4}));
  EXPECT_TRUE(Propose(cluster, Put("a", "v")).committed);
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(cluster.is_partitioned(id), id >= 3) << id;
    EXPECT_EQ(cluster.replica(id)->commit_index(), id >= 3 ? 0U : 1U) << id;
    EXPECT_EQ(cluster.replica(id)->last(), id >= 3 ? 0U : 1U) << id;
  }
  EXPECT_FALSE(cluster.is_partitioned(5));
}

TEST(Dkv20, Case05HealRestoresIdenticalSnapshots) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({3, 4});
  for (int i = 0; i < 20; ++i) Propose(cluster, Put("k" + std::to_string(i), "v"));
  Propose(cluster, Del("k3"));
  EXPECT_NE(cluster.replica(4)->DumpState(), cluster.replica(0)->DumpState());
  cluster.Heal();
  EXPECT_FALSE(cluster.is_partitioned(3));
  ExpectAllIdentical(cluster);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 21U);
  EXPECT_EQ(cluster.replica(4)->key_count(), 19U);
}

TEST(Dkv20, Case06LongWorkloadStaysIdentical) {
  Cluster cluster = MakeCluster(5);
  SplitMix64 draws(6);
  for (int i = 1; i <= 3000; ++i) {
    Propose(cluster, DrawOp(draws, 300));
    if (i % 100 == 0) ExpectAllIdentical(cluster);
  }
  EXPECT_EQ(cluster.replica(4)->commit_index(), 3000U);
  EXPECT_GT(cluster.replica(4)->key_count(), 100U);
}

TEST(Dkv20, Case07DeleteNoopOverwrite) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  Propose(cluster, Put("b", ""));
  EXPECT_EQ(Get(cluster, 2, "b"), "");  // An empty value is not an absent key.
  Propose(cluster, Put("a", "22"));
  EXPECT_EQ(Get(cluster, 2, "a"), "22");
  const Bytes before = cluster.replica(2)->DumpState();
  EXPECT_TRUE(Propose(cluster, Op::NoOp()).committed);
  EXPECT_TRUE(Propose(cluster, Del("absent")).committed);
  EXPECT_EQ(cluster.replica(2)->key_count(), 2U);
  const Bytes after = cluster.replica(2)->DumpState();
  EXPECT_EQ(Bytes(before.begin() + 24, before.end()), Bytes(after.begin() + 24, after.end()));
  Propose(cluster, Del("a"));
  EXPECT_EQ(Get(cluster, 2, "a"), std::nullopt);
  EXPECT_EQ(cluster.replica(2)->key_count(), 1U);
  EXPECT_EQ(cluster.replica(2)->commit_index(), 6U);
}

TEST(Dkv20, Case08SnapshotLayout) {
  OrderedMap map;
  map.Put(Str({0x80, 0x00}), Str(""));
  map.Put(Str("a"), Str("vw"));
  EXPECT_EQ(DumpState(0x0102, 3, map), BytesOf(kSnapshot));
  EXPECT_EQ(SnapshotHash(0x0102, 3, map), testing::Sha256Hex(kSnapshot));

  const Bytes wide = DumpState(0x0102030405060708, 0x1112131415161718, OrderedMap());
  EXPECT_EQ(wide, BytesOf("DKVS\x01\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01"
                          "\x18\x17\x16\x15\x14\x13\x12\x11\0\0\0\0\0\0\0\0"sv));

  // The same through a replica: index 2 at term 1.
  Cluster cluster = MakeCluster(1);
  Propose(cluster, Put("b", "B"));
  Propose(cluster, Put("a", ""));
  EXPECT_EQ(cluster.replica(0)->DumpState(),
            BytesOf("DKVS\x01\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"
                    "\x01\0\0\0a\0\0\0\0\x01\0\0\0b\x01\0\0\0B"sv));
  EXPECT_EQ(MakeCluster(1).replica(0)->DumpState(),
            BytesOf("DKVS\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv));
}

TEST(Dkv20, Case09Splitmix64PublishedOutputs) {
  SplitMix64 draws(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U,
        16408922859458223821U}) {
    EXPECT_EQ(draws.Next(), expected);
  }
  EXPECT_EQ(Mix(1234567 + 0x9e3779b97f4a7c15U), 6457827717110365317U);
  EXPECT_EQ(Mix(0), 0U);
  // From seed 0; the generator's state wraps at 2^64.
  SplitMix64 zero(0);
  EXPECT_EQ(zero.Next(), 16294208416658607535U);
  SplitMix64 wrapping(0 - 0x9e3779b97f4a7c15U);
  EXPECT_EQ(wrapping.Next(), 0U);
  EXPECT_EQ(wrapping.Next(), 16294208416658607535U);
}

TEST(Dkv20, Case10WorkloadDecoder) {
  constexpr std::uint64_t kTop = 1;
  for (const std::uint64_t r1 :
       {std::uint64_t{0}, (kTop << 62) - 1, kTop << 62, kTop << 63, (std::uint64_t{3} << 62) - 1}) {
    EXPECT_EQ(DecodeOp(r1, 1007, 123456, 1000),
              Op::Put(Str("key-000007"), Str({0x80, 0x0d, 0, 0, 0, 0, 0, 0})))
        << r1;
  }
  for (const std::uint64_t r1 : {std::uint64_t{3} << 62, ~std::uint64_t{0}}) {
    EXPECT_EQ(DecodeOp(r1, 1007, 123456, 1000), Op::Del(Str("key-000007"))) << r1;
  }
  EXPECT_EQ(WorkloadKey(0, 1), Str("key-000000"));
  EXPECT_EQ(WorkloadKey(999999, 1000000), Str("key-999999"));
  EXPECT_EQ(WorkloadKey(~std::uint64_t{0}, 1000), Str("key-000615"));
  EXPECT_EQ(DecodeOp(0, 0, 9999, 1).value(), Str({0x0f, 0x27, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(DecodeOp(0, 0, 10000, 1).value(), Str({0, 0, 0, 0, 0, 0, 0, 0}));

  // All three draws are made whatever the op, in their order.
  SplitMix64 draws(1);
  SplitMix64 again(1);
  int deletes = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t r1 = again.Next();
    const std::uint64_t r2 = again.Next();
    const std::uint64_t r3 = again.Next();
    EXPECT_EQ(DrawOp(draws, 64), DecodeOp(r1, r2, r3, 64)) << i;
    deletes += r1 >> 62 == 3 ? 1 : 0;
  }
  EXPECT_GT(deletes, 10);
}

TEST(Dkv20, Case11SeedDecidesSnapshot) {
  std::vector<std::string> hashes;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    Cluster cluster = MakeCluster(3);
    const auto counts = RunWorkload(cluster, seed, 100, 500);
    ASSERT_TRUE(counts.ok());
    EXPECT_EQ(counts.value(), (WorkloadCounts{500, 0, 0}));
    hashes.push_back(cluster.replica(2)->SnapshotHash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_NE(hashes[0], hashes[2]);
}

TEST(Dkv20, Case12ScenarioHashesArePinned) {
  const auto a = RunScenario("A");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.value(), kHashA);
  const auto b = RunScenario("B");
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(b.value(), kHashB);
}

TEST(Dkv20, Case13HealAfterLongMixedWorkload) {
  Cluster cluster = MakeCluster(5);
  SplitMix64 draws(13);
  const std::vector<std::vector<ReplicaId>> partitions = {{4}, {3, 4}, {0}, {1}, {0, 2, 3}, {2}};
  for (const std::vector<ReplicaId>& ids : partitions) {
    cluster.Partition(ids);
    for (int i = 0; i < 500; ++i) {
      const auto outcome = cluster.Propose(DrawOp(draws, 200));
      ASSERT_EQ(outcome.ok(), !cluster.is_partitioned(cluster.leader()));
    }
    cluster.Heal();
    ExpectAllIdentical(cluster);
  }
  EXPECT_GT(cluster.term(), 1U);
  EXPECT_GT(cluster.replica(0)->commit_index(), 2500U);
  EXPECT_GT(cluster.replica(0)->key_count(), 100U);
}

TEST(Dkv20, Case14FailoverAndNoLeader) {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  cluster.Partition({0});
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster.term(), 2U);
  EXPECT_EQ(cluster.replica(1)->role(), Role::kLeader);
  EXPECT_EQ(cluster.replica(0)->role(), Role::kLeader);  // It does not know yet.
  EXPECT_EQ(cluster.replica(0)->term(), 1U);
  for (ReplicaId id = 1; id < 5; ++id) {
    EXPECT_EQ(cluster.replica(id)->term(), 2U) << id;
    EXPECT_EQ(cluster.replica(id)->commit_index(), 2U) << id;  // The new leader's NoOp.
    EXPECT_EQ(cluster.replica(id)->TermAt(2), 2U) << id;
  }
  EXPECT_EQ(Propose(cluster, Put("a", "2")), (Outcome{true, 3, 2}));

  cluster.Partition({1, 2});
  EXPECT_EQ(cluster.leader(), 1U);  // No quorum, no election.
  EXPECT_EQ(cluster.term(), 2U);
  EXPECT_EQ(cluster.Propose(Put("a", "3")).error(), ErrorCode::kNoLeader);
  EXPECT_EQ(Get(cluster, 3, "a"), "2");

  // Whoever comes back while nobody can lead gives up its role, and keeps its term.
  cluster.HealIds({0});
  EXPECT_EQ(cluster.leader(), 3U);  // A quorum again: 0, 3 and 4.
  EXPECT_EQ(cluster.term(), 3U);
  EXPECT_EQ(cluster.replica(0)->role(), Role::kFollower);
  cluster.Heal();
  ExpectAllIdentical(cluster);
}

TEST(Dkv20, Case15DeposedTailIsTruncated) {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  cluster.Partition({0});
  EXPECT_EQ(ProposeAt(cluster, 0, Put("stale", "1")), (Outcome{false, 2, 1}));
  EXPECT_EQ(ProposeAt(cluster, 0, Put("a", "stale")), (Outcome{false, 3, 1}));
  EXPECT_EQ(ProposeAt(cluster, 0, Del("a")), (Outcome{false, 4, 1}));
  EXPECT_EQ(ProposeAt(cluster, 0, Op::NoOp()), (Outcome{false, 5, 1}));
  EXPECT_EQ(cluster.replica(0)->last(), 5U);
  EXPECT_EQ(cluster.replica(0)->commit_index(), 1U);
  EXPECT_EQ(Get(cluster, 0, "stale"), std::nullopt);
  EXPECT_EQ(Get(cluster, 0, "a"), "1");
  EXPECT_EQ(Propose(cluster, Put("b", "2")), (Outcome{true, 3, 2}));

  cluster.Heal();
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster.replica(0)->role(), Role::kFollower);
  EXPECT_EQ(cluster.replica(0)->last(), 3U);
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(Get(cluster, id, "stale"), std::nullopt) << id;
    EXPECT_EQ(Get(cluster, id, "a"), "1") << id;
    EXPECT_EQ(Get(cluster, id, "b"), "2") << id;
    EXPECT_EQ(cluster.replica(id)->LogHash(), cluster.replica(1)->LogHash()) << id;
  }
  ExpectAllIdentical(cluster);
}

TEST(Dkv20, Case16LaggingReplicaGetsSnapshot) {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("gone", "1"));
  Propose(cluster, Put("kept", "1"));
  cluster.Partition({4});
  Propose(cluster, Del("gone"));
  Propose(cluster, Put("new", "1"));
  cluster.Compact();
  EXPECT_EQ(cluster.replica(0)->base(), 4U);
  EXPECT_EQ(cluster.replica(4)->base(), 2U);  // Isolated ones too, up to their own commit index.
  EXPECT_EQ(Get(cluster, 4, "gone"), "1");

  cluster.Heal();
  EXPECT_EQ(cluster.replica(4)->base(), 4U);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 4U);
  EXPECT_EQ(cluster.replica(4)->TermAt(4), 1U);
  EXPECT_EQ(Get(cluster, 4, "gone"), std::nullopt);
  EXPECT_EQ(Get(cluster, 4, "new"), "1");
  EXPECT_EQ(cluster.replica(4)->key_count(), 2U);
  ExpectAllIdentical(cluster);
  EXPECT_TRUE(Propose(cluster, Put("more", "1")).committed);
  ExpectAllIdentical(cluster);
}

TEST(Dkv20, Case17PendingEntriesCommitAfterHeal) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({2, 3, 4});
  EXPECT_EQ(Propose(cluster, Put("a", "1")), (Outcome{false, 1, 1}));
  EXPECT_EQ(Propose(cluster, Put("b", "1")), (Outcome{false, 2, 1}));
  EXPECT_EQ(Get(cluster, 0, "a"), std::nullopt);
  EXPECT_EQ(cluster.replica(1)->last(), 2U);
  cluster.HealIds({3});
  EXPECT_EQ(cluster.term(), 1U);  // Their leader still leads.
  for (const ReplicaId id : {0U, 1U, 3U}) {
    EXPECT_EQ(cluster.replica(id)->commit_index(), 2U) << id;
    EXPECT_EQ(Get(cluster, id, "a"), "1") << id;
  }
  EXPECT_EQ(cluster.replica(2)->commit_index(), 0U);
  cluster.Heal();
  ExpectAllIdentical(cluster);
}

// kSnapshot with other bytes at an offset.
Bytes With(std::size_t offset, std::string_view bytes) {
  Bytes changed = BytesOf(kSnapshot);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    changed[offset + i] = static_cast<std::uint8_t>(bytes[i]);
  }
  return changed;
}

void ExpectLoadError(const Bytes& bytes, ErrorCode code, std::uint64_t offset) {
  const auto loaded = LoadState(bytes);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(ErrorName(loaded.error().code), ErrorName(code));
  EXPECT_EQ(loaded.error().offset, offset);
}

TEST(Dkv20, Case18LoadStateErrors) {
  const Bytes good = BytesOf(kSnapshot);
  const auto loaded = LoadState(good);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value().commit_index, 0x0102U);
  EXPECT_EQ(loaded.value().term, 3U);
  EXPECT_EQ(loaded.value().map.size(), 2U);
  EXPECT_EQ(loaded.value().DumpState(), good);
  EXPECT_EQ(loaded.value().SnapshotHash(), testing::Sha256Hex(good));

  // Where a field begins; what is cut short is reported there.
  const std::vector<std::size_t> fields = {0, 4, 8, 16, 24, 32, 36, 37, 41, 43, 47, 49, 53};
  ASSERT_EQ(good.size(), fields.back());
  for (std::size_t field = 0; field + 1 < fields.size(); ++field) {
    for (std::size_t size = fields[field]; size < fields[field + 1]; ++size) {
      ExpectLoadError(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)),
                      ErrorCode::kTruncated, fields[field]);
    }
  }
  ExpectLoadError(With(0, "dKVS"), ErrorCode::kBadMagic, 0);
  ExpectLoadError(With(4, "\x02"sv), ErrorCode::kBadVersion, 4);
  ExpectLoadError(With(4, "\0\0\0\x01"sv), ErrorCode::kBadVersion, 4);
  ExpectLoadError(With(16, "\0"sv), ErrorCode::kBadTerm, 16);
  ExpectLoadError(With(8, "\0\0"sv), ErrorCode::kBadTerm, 16);
  ExpectLoadError(With(8, "\x01\0"sv), ErrorCode::kBadCount, 24);
  ExpectLoadError(With(24, "\xff\xff\xff\xff\xff\xff\xff\xff"sv), ErrorCode::kBadCount, 24);
  ExpectLoadError(With(32, "\0"sv), ErrorCode::kKeyLength, 32);
  ExpectLoadError(With(32, "\x01\x10\0\0"sv), ErrorCode::kKeyLength, 32);
  ExpectLoadError(With(32, "\0\x10\0\0"sv), ErrorCode::kTruncated, 36);
  ExpectLoadError(With(37, "\x01\0\x10\0"sv), ErrorCode::kValueLength, 37);
  ExpectLoadError(With(37, "\0\0\x10\0"sv), ErrorCode::kTruncated, 41);
  ExpectLoadError(With(37, "\xff\xff\xff\xff"sv), ErrorCode::kValueLength, 37);
  ExpectLoadError(With(36, "\x81"), ErrorCode::kKeyOrder, 47);  // Above the second key.
  Bytes equal_keys = With(36, "\x80"sv);
  equal_keys[43] = 1;  // The second key is 0x80 too.
  ExpectLoadError(equal_keys, ErrorCode::kKeyOrder, 47);
  Bytes longer = good;
  longer.push_back(0);
  ExpectLoadError(longer, ErrorCode::kTrailingBytes, 53);
  ExpectLoadError(With(24, "\x01"sv), ErrorCode::kTrailingBytes, 43);
  // More keys announced than are there, though no more than the commit index.
  ExpectLoadError(With(24, "\x03"sv), ErrorCode::kTruncated, 53);
  // The first error counts, not the worst.
  ExpectLoadError(With(0, "XXXX\x09"sv), ErrorCode::kBadMagic, 0);
}

TEST(Dkv20, Case19KeyOrder) {
  Cluster cluster = MakeCluster(1);
  const std::vector<ByteString> ordered = {
      Str({0x00}),       Str({0x00, 0x00}), Str({0x00, 0xff}), Str({0x61}), Str({0x61, 0x00}),
      Str({0x61, 0x61}), Str({0x7f}),       Str({0x7f, 0xff}), Str({0x80}), Str({0x80, 0x00}),
      Str({0xc3, 0x28}), Str({0xff}),       Str({0xff, 0xff})};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    Propose(cluster, Op::Put(ordered[(i * 5) % ordered.size()], Str("")));
  }
  std::vector<ByteString> seen;
  cluster.replica(0)->map().ForEach(
      [&](const ByteString& key, const ByteString&) { seen.push_back(key); });
  EXPECT_EQ(seen, ordered);
  std::vector<ByteString> dumped;
  const Bytes bytes = cluster.replica(0)->DumpState();
  for (std::size_t at = 32; at < bytes.size(); at += 8U + bytes[at]) {
    dumped.emplace_back(std::span(bytes).subspan(at + 4, bytes[at]));
  }
  EXPECT_EQ(dumped, ordered);
}

TEST(Dkv20, Case20ErrorsChangeNothing) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{65}, ~std::uint64_t{0}}) {
    EXPECT_EQ(Cluster::New(size).error(), ErrorCode::kReplicaCount) << size;
  }
  EXPECT_EQ(MakeCluster(64).quorum(), 33U);

  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  cluster.Partition({0});
  ProposeAt(cluster, 0, Put("tail", "1"));
  Propose(cluster, Put("b", "1"));

  const auto key_over = testing::Repeated(4097);
  const auto value_over = testing::Repeated(1048577);
  const std::string before = Describe(cluster);
  const auto expect = [&](const auto& error, ErrorCode code) {
    EXPECT_EQ(error, code) << ErrorName(code);
    EXPECT_EQ(Describe(cluster), before);
  };
  expect(cluster.Propose(Put("", "")).error(), ErrorCode::kKeyLength);
  expect(cluster.Propose(Op::Put(key_over, value_over)).error(), ErrorCode::kKeyLength);
  expect(cluster.Propose(Op::Del(key_over)).error(), ErrorCode::kKeyLength);
  expect(cluster.Propose(Op::Put(Str("k"), value_over)).error(), ErrorCode::kValueLength);
  expect(cluster.ProposeAt(5, Put("", "")).error(), ErrorCode::kUnknownReplica);
  expect(cluster.ProposeAt(0, Op::Del(Str(""))).error(), ErrorCode::kKeyLength);
  expect(cluster.ProposeAt(2, Op::Put(Str("k"), value_over)).error(), ErrorCode::kValueLength);
  expect(cluster.ProposeAt(2, Put("k", "v")).error(), ErrorCode::kNotLeader);
  expect(cluster.Partition({1, 5}), ErrorCode::kUnknownReplica);
  expect(cluster.HealIds({0, ~std::uint64_t{0}}), ErrorCode::kUnknownReplica);
  expect(cluster.CompactIds({1, 5}), ErrorCode::kUnknownReplica);

  // A list that is empty names nobody, and is no error.
  EXPECT_EQ(cluster.Partition({}), std::nullopt);
  EXPECT_EQ(cluster.HealIds({}), std::nullopt);
  EXPECT_EQ(cluster.CompactIds({}), std::nullopt);
  EXPECT_EQ(Describe(cluster), before);

  // The limits themselves are within.
  EXPECT_TRUE(
      Propose(cluster, Op::Put(testing::Repeated(4096), testing::Repeated(1048576))).committed);

  cluster.Partition({1, 2});
  const std::string leaderless = Describe(cluster);
  EXPECT_EQ(cluster.Propose(Put("k", "v")).error(), ErrorCode::kNoLeader);
  EXPECT_EQ(cluster.Propose(Put("", "v")).error(), ErrorCode::kKeyLength);
  EXPECT_EQ(Describe(cluster), leaderless);
}

}  // namespace
}  // namespace dkv20
