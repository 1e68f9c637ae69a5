// The twenty numbered cases of the definition (section 12), with the same steps in the same order
// as the suites of the other languages. They use the public interface alone.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/cluster.h"
#include "dkv20/limits.h"
#include "dkv20/session.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Del;
using testing::Describe;
using testing::ExpectIdentical;
using testing::Get;
using testing::HealIds;
using testing::MakeCluster;
using testing::Partition;
using testing::Propose;
using testing::ProposeAt;
using testing::Put;
using testing::Repeated;
using testing::Str;

constexpr std::string_view kScenarioAHash =
    "e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a";
constexpr std::string_view kScenarioBHash =
    "04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681";

using Ids = std::vector<ReplicaId>;
using Numbers = std::vector<std::uint64_t>;

Bytes ToBytes(std::string_view text) { return {text.begin(), text.end()}; }

Bytes Dump(const Cluster& cluster, ReplicaId id) { return cluster.replica(id)->DumpState(); }

// Returns a number of each replica.
Numbers OfEach(const Cluster& cluster, const std::function<std::uint64_t(const Replica&)>& number) {
  Numbers numbers;
  for (ReplicaId id = 0; id < cluster.size(); ++id) numbers.push_back(number(*cluster.replica(id)));
  return numbers;
}

Numbers CommitIndexes(const Cluster& cluster) { return OfEach(cluster, &Replica::commit_index); }

Ids LeadingIds(const Cluster& cluster) {
  Ids ids;
  for (ReplicaId id = 0; id < cluster.size(); ++id) {
    if (cluster.replica(id)->role() == Role::kLeader) ids.push_back(id);
  }
  return ids;
}

std::vector<std::pair<ByteString, ByteString>> MapOf(const Replica& replica) {
  std::vector<std::pair<ByteString, ByteString>> map;
  replica.ForEach(
      [&](const ByteString& key, const ByteString& value) { map.emplace_back(key, value); });
  return map;
}

TEST(Dkv20, Case01OneReplicaIsItsOwnQuorum) {
  Cluster cluster = MakeCluster(1);
  EXPECT_EQ(cluster.quorum(), 1U);
  EXPECT_EQ(Propose(cluster, Put("a", "v")), (Outcome{true, 1, 1}));
  EXPECT_EQ(Get(cluster, 0, "a"), "v");
  EXPECT_EQ(cluster.replica(0)->key_count(), 1U);
}

TEST(Dkv20, Case02OneProposalReachesAllFive) {
  Cluster cluster = MakeCluster(5);
  EXPECT_EQ(cluster.quorum(), 3U);
  EXPECT_TRUE(Propose(cluster, Put("a", "v")).committed);
  for (ReplicaId id = 0; id < 5; ++id) EXPECT_EQ(Get(cluster, id, "a"), "v") << id;
  EXPECT_EQ(CommitIndexes(cluster), Numbers(5, 1));
  ExpectIdentical(cluster);
}

TEST(Dkv20, Case03QuorumGatesCommit) {
  Cluster alone = MakeCluster(1);
  EXPECT_TRUE(Propose(alone, Put("a", "v")).committed);

  Cluster five = MakeCluster(5);
  Partition(five, {2, 3, 4});
  std::vector<Bytes> before;
  for (ReplicaId id = 0; id < 5; ++id) before.push_back(Dump(five, id));
  EXPECT_EQ(Propose(five, Put("a", "v")), (Outcome{false, 1, 1}));
  for (ReplicaId id = 0; id < 5; ++id) EXPECT_EQ(Dump(five, id), before[id]) << id;
  EXPECT_EQ(CommitIndexes(five), Numbers(5, 0));
  EXPECT_EQ(OfEach(five, &Replica::key_count), Numbers(5, 0));

  // Half of an even number is not a quorum.
  Cluster four = MakeCluster(4);
  EXPECT_EQ(four.quorum(), 3U);
  Partition(four, {2, 3});
  EXPECT_FALSE(Propose(four, Put("a", "v")).committed);
  EXPECT_EQ(CommitIndexes(four), Numbers(4, 0));
}

TEST(Dkv20, Case04MajorityCommitsMinorityStays) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {3, 4});
  EXPECT_TRUE(Propose(cluster, Put("a", "v")).committed);
  EXPECT_EQ(CommitIndexes(cluster), (Numbers{1, 1, 1, 0, 0}));
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(cluster.IsPartitioned(id).value(), id >= 3) << id;
    EXPECT_EQ(Get(cluster, id, "a").has_value(), id < 3) << id;
  }
  EXPECT_EQ(cluster.isolated_ids(), (Ids{3, 4}));
  EXPECT_EQ(cluster.IsPartitioned(5).error(), ErrorCode::kUnknownReplica);
}

TEST(Dkv20, Case05HealRestoresIdenticalSnapshots) {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {3, 4});
  Propose(cluster, Put("b", "2"));
  Propose(cluster, Del("a"));
  EXPECT_NE(Dump(cluster, 3), Dump(cluster, 0));
  cluster.Heal();
  ExpectIdentical(cluster);
  EXPECT_EQ(CommitIndexes(cluster), Numbers(5, 3));
  EXPECT_EQ(Get(cluster, 4, "b"), "2");
  EXPECT_TRUE(cluster.isolated_ids().empty());
}

TEST(Dkv20, Case06LongWorkloadStaysIdentical) {
  Cluster cluster = MakeCluster(5);
  SplitMix64 draws(6);
  for (std::uint64_t count = 1; count <= 5000; ++count) {
    ASSERT_TRUE(Propose(cluster, DrawOp(draws, 1000).value()).committed);
    if (count % 100 == 0) {
      ExpectIdentical(cluster);
      EXPECT_EQ(CommitIndexes(cluster), Numbers(5, count));
    }
  }
}

TEST(Dkv20, Case07DeleteNoopOverwrite) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  Propose(cluster, Put("a", "22"));
  EXPECT_EQ(Get(cluster, 2, "a"), "22");

  const auto map = MapOf(*cluster.replica(2));
  EXPECT_TRUE(Propose(cluster, Op::NoOp()).committed);
  EXPECT_TRUE(Propose(cluster, Del("absent")).committed);
  EXPECT_EQ(MapOf(*cluster.replica(2)), map);
  EXPECT_EQ(CommitIndexes(cluster), Numbers(3, 4));

  EXPECT_TRUE(Propose(cluster, Del("a")).committed);
  EXPECT_EQ(Get(cluster, 2, "a"), std::nullopt);
  Propose(cluster, Put("a", ""));
  EXPECT_EQ(Get(cluster, 2, "a"), "") << "an empty value is not an absent key";
  ExpectIdentical(cluster);
}

TEST(Dkv20, Case08SnapshotLayout) {
  EXPECT_EQ(Dump(MakeCluster(1), 0),
            ToBytes("DKVS\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv));

  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("\x80", ""));
  Partition(cluster, {0});
  Propose(cluster, Op::Put(Str("ab"), Repeated(258)));
  Propose(cluster, Put("a\0"sv, "\xff\n"));
  std::string expected;
  expected += "DKVS"sv;                      //  0: magic
  expected += "\x01\0\0\0"sv;                //  4: version
  expected += "\x04\0\0\0\0\0\0\0"sv;        //  8: commit index, with the new leader's NoOp
  expected += "\x02\0\0\0\0\0\0\0"sv;        // 16: term
  expected += "\x03\0\0\0\0\0\0\0"sv;        // 24: number of keys
  expected += "\x02\0\0\0a\0"sv;             // 32: key length, key
  expected += "\x02\0\0\0\xff\n"sv;          // 38: value length, value
  expected += "\x02\0\0\0ab\x02\x01\0\0"sv;  // 44: key length, key, value length 258
  expected += std::string(258, 'x');         // 54: value
  expected += "\x01\0\0\0\x80\0\0\0\0"sv;    // 312: a key with an empty value
  EXPECT_EQ(expected.size(), 321U);
  EXPECT_EQ(Dump(cluster, 1), ToBytes(expected));
  EXPECT_EQ(Dump(cluster, 2), ToBytes(expected));

  // All bytes of the wide fields count.
  const Bytes wide = ToBytes(
      "DKVS\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18"
      "\0\0\0\0\0\0\0\0"sv);
  const auto snapshot = LoadState(wide);
  EXPECT_EQ(snapshot.value().commit_index(), 0x0807060504030201U);
  EXPECT_EQ(snapshot.value().term(), 0x1817161514131211U);
  EXPECT_EQ(snapshot.value().DumpState(), wide);
}

TEST(Dkv20, Case09Splitmix64PublishedOutputs) {
  SplitMix64 draws(1234567);
  const Numbers published = {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                             4593380528125082431U, 16408922859458223821U};
  for (const std::uint64_t output : published) EXPECT_EQ(draws.Next(), output);
  EXPECT_EQ(Mix(1234567 + 0x9e3779b97f4a7c15U), published[0]);
  EXPECT_EQ(Mix(0), 0U);
  // The published first output from seed 0, and a seed from which the state wraps to 0.
  EXPECT_EQ(SplitMix64(0).Next(), 0xe220a8397b1dcdafU);
  EXPECT_EQ(Mix(0x9e3779b97f4a7c15U), 0xe220a8397b1dcdafU);
  EXPECT_EQ(SplitMix64(0 - 0x9e3779b97f4a7c15U).Next(), 0U);
}

TEST(Dkv20, Case10WorkloadDecoder) {
  const auto decoded = [](std::uint64_t r1, std::uint64_t r2, std::uint64_t r3,
                          std::uint64_t keys) { return DecodeOp(r1, r2, r3, keys).value(); };
  const auto put = [](std::string_view key, std::initializer_list<int> value) {
    return Op::Put(Str(key), Str(value));
  };
  constexpr std::uint64_t kOne = 1;
  constexpr std::uint64_t kLowBits = (kOne << 62) - 1;
  constexpr std::uint64_t kAllBits = ~std::uint64_t{0};
  EXPECT_EQ(decoded(0, 0, 0, 1000), put("key-000000", {0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(kLowBits, 7, 258, 1000), put("key-000007", {2, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(kOne << 62, 1999, 9999, 1000), put("key-000999", {15, 39, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(2 * kOne << 62, 1000, 10000, 1000),
            put("key-000000", {0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(2 * kOne << 62 | kLowBits, 5, 10001, 5),
            put("key-000000", {1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(3 * kOne << 62, 42, 1, 1000), Del("key-000042"));
  EXPECT_EQ(decoded(kAllBits, 42, 1, 1000), Del("key-000042"));

  EXPECT_EQ(DecodeKey(999999, 1000000).value(), Str("key-999999"));
  EXPECT_EQ(DecodeKey(kAllBits, 1000000).value(), Str("key-551615"));
  EXPECT_EQ(DecodeKey(kAllBits, 1).value(), Str("key-000000"));
  for (const std::uint64_t keys : {std::uint64_t{0}, std::uint64_t{1000001}, kAllBits}) {
    EXPECT_EQ(DecodeOp(0, 0, 0, keys).error(), ErrorCode::kKeySpace) << keys;
  }

  // Three draws, in that order, whatever the op is.
  SplitMix64 draws(9);
  SplitMix64 plain(9);
  int dels = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t r1 = plain.Next();
    const std::uint64_t r2 = plain.Next();
    const std::uint64_t r3 = plain.Next();
    const Op op = DrawOp(draws, 64).value();
    dels += op.kind() == OpKind::kDel ? 1 : 0;
    EXPECT_EQ(op, decoded(r1, r2, r3, 64));
  }
  EXPECT_TRUE(dels >= 10 && dels < 40) << dels << " of 100 are Del";
}

TEST(Dkv20, Case11SeedDecidesSnapshot) {
  const auto run = [](std::uint64_t seed) {
    Cluster cluster = MakeCluster(3);
    EXPECT_EQ(RunWorkload(cluster, seed, 100, 1000).value(), (WorkloadCounts{1000, 0, 0}));
    return cluster.replica(0)->SnapshotHash();
  };
  EXPECT_EQ(run(11), run(11));
  EXPECT_NE(run(11), run(12));
}

TEST(Dkv20, Case12ScenarioHashesArePinned) {
  EXPECT_EQ(RunScenario("A").value(), kScenarioAHash);
  EXPECT_EQ(RunScenario("B").value(), kScenarioBHash);
  EXPECT_EQ(RunScenario("a").error(), ErrorCode::kUnknownScenario);
}

TEST(Dkv20, Case13HealAfterLongMixedWorkload) {
  const std::vector<Ids> partitions = {{0}, {3, 4}, {1}, {1}, {4}, {0, 1}, {2}};
  Cluster cluster = MakeCluster(5);
  int dels = 0;
  for (std::size_t round = 0; round < partitions.size(); ++round) {
    Partition(cluster, partitions[round]);
    SplitMix64 draws(round);
    for (int i = 0; i < 500; ++i) {
      const Op op = DrawOp(draws, 100).value();
      dels += op.kind() == OpKind::kDel ? 1 : 0;
      // Refused while no leader is reachable, which is part of the mix.
      static_cast<void>(cluster.Propose(op).ok());
    }
    if (round % 2 == 0) {
      bool differ = false;
      for (ReplicaId id = 1; id < 5; ++id) differ = differ || Dump(cluster, id) != Dump(cluster, 0);
      EXPECT_TRUE(differ) << "the partition of round " << round << " has no effect";
      cluster.Heal();
      ExpectIdentical(cluster);
    }
  }
  EXPECT_GT(dels, 500);
  EXPECT_GT(cluster.term(), 2U) << "several of the partitions depose the leader";
  ExpectIdentical(cluster);
}

TEST(Dkv20, Case14FailoverAndNoLeader) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {0});
  EXPECT_EQ(cluster.reachable_leader(), 1U);
  EXPECT_EQ(cluster.term(), 2U);
  Entry last{};
  cluster.replica(1)->ForEachEntry([&](const Entry& entry) { last = entry; });
  EXPECT_EQ(last, (Entry{2, 2, Op::NoOp()}));
  EXPECT_EQ(CommitIndexes(cluster), (Numbers{1, 2, 2}));
  EXPECT_EQ(LeadingIds(cluster), (Ids{0, 1})) << "the deposed leader has not learned of it";
  EXPECT_EQ(OfEach(cluster, &Replica::term), (Numbers{1, 2, 2}));
  EXPECT_EQ(Propose(cluster, Put("a", "2")), (Outcome{true, 3, 2}));

  // Replica 2 alone is not a quorum, so there is no election.
  Partition(cluster, {1});
  EXPECT_EQ(cluster.reachable_leader(), std::nullopt);
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster.term(), 2U);
  EXPECT_EQ(cluster.Propose(Op::NoOp()).error(), ErrorCode::kNoLeader);
  EXPECT_EQ(cluster.replica(2)->role(), Role::kFollower);

  // With replica 0 it is a quorum. Replica 2 has the newer log, though the greater id.
  HealIds(cluster, {0});
  EXPECT_EQ(cluster.reachable_leader(), 2U);
  EXPECT_EQ(cluster.term(), 3U);
  EXPECT_EQ(LeadingIds(cluster), (Ids{1, 2}));
  cluster.Heal();
  EXPECT_EQ(LeadingIds(cluster), (Ids{2}));
  ExpectIdentical(cluster);
}

TEST(Dkv20, Case15DeposedTailIsTruncated) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "kept"));
  Partition(cluster, {0});
  std::uint64_t index = 2;
  for (const Op& op : {Put("a", "stale"), Put("b", "stale"), Del("a")}) {
    EXPECT_EQ(ProposeAt(cluster, 0, op), (Outcome{false, index++, 1}));
  }
  const auto expect_unchanged = [&] {
    for (ReplicaId id = 0; id < 3; ++id) {
      EXPECT_EQ(Get(cluster, id, "a"), "kept") << id;
      EXPECT_EQ(Get(cluster, id, "b"), std::nullopt) << id;
    }
  };
  expect_unchanged();
  Propose(cluster, Put("c", "new"));
  expect_unchanged();
  cluster.Heal();
  expect_unchanged();
  ExpectIdentical(cluster);

  const Replica& returned = *cluster.replica(0);
  EXPECT_EQ(returned.role(), Role::kFollower);
  EXPECT_EQ(returned.term(), 2U);
  EXPECT_EQ(returned.last(), 3U);
  EXPECT_EQ(returned.TermAt(1), 1U);
  EXPECT_EQ(returned.TermAt(2), 2U);
  EXPECT_EQ(returned.TermAt(3), 2U);
  EXPECT_EQ(returned.TermAt(4), std::nullopt);
  EXPECT_EQ(returned.LogHash(), cluster.replica(1)->LogHash());
  EXPECT_EQ(cluster.ProposeAt(0, Op::NoOp()).error(), ErrorCode::kNotLeader);
}

TEST(Dkv20, Case16LaggingReplicaGetsSnapshot) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("gone", "1"));
  Propose(cluster, Put("stays", "1"));
  Partition(cluster, {2});
  Propose(cluster, Del("gone"));
  Propose(cluster, Put("new", "2"));
  cluster.Compact();
  EXPECT_EQ(cluster.replica(2)->base(), 2U) << "isolated replicas compact too";
  Propose(cluster, Put("later", "3"));
  EXPECT_EQ(Get(cluster, 2, "gone"), "1");

  cluster.Heal();
  const Replica& lagging = *cluster.replica(2);
  // The snapshot was taken at the leader's commit index, not at its base.
  EXPECT_EQ(lagging.base(), 5U);
  EXPECT_EQ(lagging.commit_index(), 5U);
  EXPECT_EQ(lagging.last(), 5U);
  EXPECT_EQ(lagging.TermAt(5), 1U);
  EXPECT_EQ(Get(cluster, 2, "gone"), std::nullopt);
  EXPECT_EQ(Get(cluster, 2, "later"), "3");
  ExpectIdentical(cluster);
  EXPECT_TRUE(Propose(cluster, Put("after", "4")).committed);
  ExpectIdentical(cluster);
}

TEST(Dkv20, Case17PendingEntriesCommitAfterHeal) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {2, 3, 4});
  for (std::uint64_t index = 1; index <= 3; ++index) {
    EXPECT_EQ(Propose(cluster, Put("a", std::to_string(index))), (Outcome{false, index, 1}));
  }
  EXPECT_EQ(CommitIndexes(cluster), Numbers(5, 0));
  HealIds(cluster, {4});
  EXPECT_EQ(cluster.reachable_leader(), 0U);
  EXPECT_EQ(cluster.term(), 1U);
  EXPECT_EQ(CommitIndexes(cluster), (Numbers{3, 3, 0, 0, 3}));
  cluster.Heal();
  EXPECT_EQ(CommitIndexes(cluster), Numbers(5, 3));
  EXPECT_EQ(Get(cluster, 3, "a"), "3");
  ExpectIdentical(cluster);
}

std::string Le(std::uint64_t number, int width) {
  std::string bytes;
  for (; width > 0; --width, number /= 256) bytes += static_cast<char>(number % 256);
  return bytes;
}

// A snapshot's header and the bytes after it.
std::string MakeSnapshot(std::uint64_t commit_index, std::uint64_t term, std::uint64_t count,
                         std::string_view rest) {
  return std::string("DKVS\x01\0\0\0"sv) + Le(commit_index, 8) + Le(term, 8) + Le(count, 8) +
         std::string(rest);
}

void ExpectRefused(std::string_view bytes, ErrorCode code, std::uint64_t offset) {
  SCOPED_TRACE(ErrorName(code));
  EXPECT_EQ(LoadState(ToBytes(bytes)).error(), (LoadError{code, offset}));
}

void ExpectAccepted(std::string_view bytes) {
  EXPECT_EQ(LoadState(ToBytes(bytes)).value().DumpState(), ToBytes(bytes));
}

constexpr std::uint64_t kU64Max = ~std::uint64_t{0};

void CheckHeaderErrors() {
  using enum ErrorCode;
  const std::string empty = MakeSnapshot(0, 0, 0, "");
  ExpectAccepted(empty);
  for (std::size_t length = 0; length < 32; ++length) {
    std::uint64_t offset = 0;
    for (const std::uint64_t field : {4U, 8U, 16U, 24U}) offset = field <= length ? field : offset;
    ExpectRefused(empty.substr(0, length), kTruncated, offset);
  }
  ExpectRefused("DKVs", kBadMagic, 0);
  ExpectRefused("XXX", kTruncated, 0);
  ExpectRefused("DKVS\0\0\0\0"sv, kBadVersion, 4);
  ExpectRefused("DKVS\x02\0\0\0"sv, kBadVersion, 4);
  ExpectRefused("DKVS\x01\0\0\x01"sv, kBadVersion, 4);
  ExpectRefused("DKVS\0\0\0\x01"sv, kBadVersion, 4);
  ExpectRefused(MakeSnapshot(0, 1, 0, "").substr(0, 24), kBadTerm, 16);
  ExpectRefused(MakeSnapshot(1, 0, 0, "").substr(0, 24), kBadTerm, 16);
  ExpectRefused(MakeSnapshot(std::uint64_t{1} << 63, 0, 9, ""), kBadTerm, 16);
  ExpectAccepted(MakeSnapshot(1, 1, 0, ""));
  ExpectAccepted(MakeSnapshot(kU64Max, kU64Max, 0, ""));
  ExpectRefused(MakeSnapshot(0, 0, 1, ""), kBadCount, 24);
  ExpectRefused(MakeSnapshot(2, 1, 3, "\x01\0\0\0a\0\0\0\0"sv), kBadCount, 24);
  ExpectRefused(MakeSnapshot(kU64Max - 1, 1, kU64Max, ""), kBadCount, 24);
  // No memory is allocated for what a false count announces: the error is where the bytes end.
  ExpectRefused(MakeSnapshot(kU64Max, 1, kU64Max, ""), kTruncated, 32);
  ExpectRefused(MakeSnapshot(0, 0, 0, "x"), kTrailingBytes, 32);
}

void CheckEntryErrors() {
  using enum ErrorCode;
  const std::string a("\x01\0\0\0a\x02\0\0\0vv"sv);
  const std::string whole = MakeSnapshot(3, 1, 1, a);
  ExpectAccepted(whole);
  const std::vector<std::pair<std::size_t, std::uint64_t>> cuts = {
      {32, 32}, {35, 32}, {36, 36}, {37, 37}, {40, 37}, {41, 41}, {42, 41}};
  for (const auto& [length, offset] : cuts) {
    ExpectRefused(whole.substr(0, length), kTruncated, offset);
  }
  ExpectRefused(MakeSnapshot(3, 1, 1, a + std::string(1, '\0')), kTrailingBytes, 43);
  ExpectRefused(MakeSnapshot(3, 1, 1, "\0\0\0\0"sv), kKeyLength, 32);
  ExpectRefused(MakeSnapshot(3, 1, 2, a + std::string(4, '\0')), kKeyLength, 43);
  ExpectRefused(MakeSnapshot(3, 1, 1, "\x01\0\0\0a\xff\xff\xff\xff"sv), kValueLength, 37);
  ExpectRefused(MakeSnapshot(3, 1, 1, "\x01\0\0\0a\0\0\0\x80"sv), kValueLength, 37);

  const auto then = [](std::string_view key) {
    return MakeSnapshot(3, 1, 2,
                        std::string("\x01\0\0\0m\0\0\0\0"sv) + Le(key.size(), 4) +
                            std::string(key) + std::string(4, '\0'));
  };
  for (const std::string_view key : {"m"sv, "l"sv, "lz"sv, "M"sv, "\0"sv}) {
    ExpectRefused(then(key), kKeyOrder, 45);
  }
  for (const std::string_view key : {"m\0"sv, "n"sv, "\x80"sv, "\xff"sv}) ExpectAccepted(then(key));
  // The key is checked before the value's length is read.
  ExpectRefused(then("m").substr(0, 46), kKeyOrder, 45);
}

void CheckLengthLimits() {
  using enum ErrorCode;
  const auto entry = [](std::size_t key_length, std::size_t value_length) {
    return MakeSnapshot(1, 1, 1,
                        Le(key_length, 4) + std::string(key_length, 'k') + Le(value_length, 4) +
                            std::string(value_length, '\0'));
  };
  ExpectAccepted(entry(1, 0));
  ExpectAccepted(entry(4096, 1048576));
  ExpectRefused(entry(4097, 0), kKeyLength, 32);
  ExpectRefused(entry(4097, 0).substr(0, 36), kKeyLength, 32);
  ExpectRefused(entry(4096, 1048577), kValueLength, 32 + 4 + 4096);
  ExpectRefused(entry(1, 1048577).substr(0, 41), kValueLength, 37);
  ExpectRefused(entry(4096, 0).substr(0, 36), kTruncated, 36);
}

TEST(Dkv20, Case18LoadStateErrors) {
  CheckHeaderErrors();
  CheckEntryErrors();
  CheckLengthLimits();

  Cluster cluster = MakeCluster(3);
  EXPECT_TRUE(RunWorkload(cluster, 18, 50, 500).ok());
  Partition(cluster, {0});
  const Bytes bytes = Dump(cluster, 1);
  const auto loaded = LoadState(bytes);
  EXPECT_EQ(loaded.value().commit_index(), 501U);
  EXPECT_EQ(loaded.value().term(), 2U);
  EXPECT_EQ(loaded.value().key_count(), cluster.replica(1)->key_count());
  EXPECT_EQ(loaded.value().SnapshotHash(), cluster.replica(1)->SnapshotHash());
  EXPECT_EQ(loaded.value().DumpState(), bytes);
}

TEST(Dkv20, Case19KeyOrder) {
  const std::vector<ByteString> ascending = {Str("\0"sv), Str("\0\0"sv), Str("a"),    Str("a\0"sv),
                                             Str("ab"),   Str("\x7f"),   Str("\x80"), Str("\xff")};
  Cluster cluster = MakeCluster(1);
  for (auto key = ascending.rbegin(); key != ascending.rend(); ++key) {
    Propose(cluster, Op::Put(*key, Str("")));
  }
  std::vector<ByteString> keys;
  for (const auto& [key, value] : MapOf(*cluster.replica(0))) keys.push_back(key);
  EXPECT_EQ(keys, ascending);

  std::string expected = MakeSnapshot(8, 1, 8, "");
  for (const ByteString& key : ascending) {
    expected += Le(key.size(), 4);
    expected.append(key.view().begin(), key.view().end());
    expected += Le(0, 4);
  }
  EXPECT_EQ(Dump(cluster, 0), ToBytes(expected));
}

// Replica 2 leads in term 2, 0 is a deposed leader with an uncommitted entry, 1 lags; all have
// entries that could be compacted.
Cluster MakeLed() {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {1});
  Propose(cluster, Put("b", "2"));
  Partition(cluster, {0});
  ProposeAt(cluster, 0, Put("stale", "3"));
  EXPECT_EQ(cluster.reachable_leader(), 2U);
  return cluster;
}

// The same, but the leader is isolated too and no other is elected.
Cluster MakeLeaderless() {
  Cluster cluster = MakeLed();
  Partition(cluster, {2});
  EXPECT_EQ(cluster.reachable_leader(), std::nullopt);
  return cluster;
}

struct Refusal {
  std::string_view name;
  std::function<Status(Cluster&)> refuse;
  ErrorCode code;
};

// The errors of both clusters. If two apply, the first of section 4 is returned.
std::vector<Refusal> Refusals() {
  using enum ErrorCode;
  const auto status = [](const Result<Outcome>& outcome) {
    return outcome.ok() ? Status() : Status(outcome.error());
  };
  const auto propose = [=](const Op& op) {
    return [=](Cluster& cluster) { return status(cluster.Propose(op)); };
  };
  const auto at = [=](ReplicaId id, const Op& op) {
    return [=](Cluster& cluster) { return status(cluster.ProposeAt(id, op)); };
  };
  const ByteString long_key = Repeated(4097);
  const ByteString long_value = Repeated(1048577);
  return {
      {"no key", propose(Op::Put(Str(""), long_value)), kKeyLength},
      {"long key", propose(Op::Put(long_key, Str(""))), kKeyLength},
      {"del no key", propose(Del("")), kKeyLength},
      {"del long key", propose(Op::Del(long_key)), kKeyLength},
      {"long value", propose(Op::Put(Str("k"), long_value)), kValueLength},
      {"at unknown", at(5, Put("", "")), kUnknownReplica},
      {"at greatest id", at(kU64Max, Op::NoOp()), kUnknownReplica},
      {"at leader, no key", at(2, Del("")), kKeyLength},
      {"at deposed leader, long value", at(0, Op::Put(Str("k"), long_value)), kValueLength},
      {"at follower, no key", at(3, Put("", "")), kKeyLength},
      {"at follower", at(3, Op::NoOp()), kNotLeader},
      {"at isolated follower", at(1, Op::NoOp()), kNotLeader},
      {"partition",
       [](Cluster& c) {
         return c.Partition({3, 4, 5});
       },
       kUnknownReplica},
      {"heal_ids",
       [](Cluster& c) {
         return c.HealIds({0, 1, 2, 5});
       },
       kUnknownReplica},
      {"compact_ids",
       [](Cluster& c) {
         return c.CompactIds({0, 1, 2, 3, 4, 5});
       },
       kUnknownReplica},
      {"replica", [](Cluster& c) { return c.replica(5) == nullptr ? kUnknownReplica : Status(); },
       kUnknownReplica},
      {"is_partitioned", [](Cluster& c) { return Status(c.IsPartitioned(5).error()); },
       kUnknownReplica},
  };
}

TEST(Dkv20, Case20ErrorsChangeNothing) {
  EXPECT_EQ(Cluster::New(0).error(), ErrorCode::kReplicaCount);
  EXPECT_EQ(Cluster::New(kReplicasMax + 1).error(), ErrorCode::kReplicaCount);
  EXPECT_EQ(MakeCluster(kReplicasMax).quorum(), 33U);

  for (Cluster& cluster : std::array{MakeLed(), MakeLeaderless()}) {
    const std::string before = Describe(cluster);
    for (const Refusal& refusal : Refusals()) {
      EXPECT_EQ(refusal.refuse(cluster), Status(refusal.code)) << refusal.name;
      EXPECT_EQ(Describe(cluster), before) << refusal.name;
    }
  }
  Cluster cluster = MakeLeaderless();
  const std::string before = Describe(cluster);
  EXPECT_EQ(cluster.Propose(Op::NoOp()).error(), ErrorCode::kNoLeader);
  EXPECT_EQ(Describe(cluster), before);
}

}  // namespace
}  // namespace dkv20
