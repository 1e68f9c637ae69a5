// Any sequence of events on a cluster and on the tests' twin (definition, section 4): the same is
// seen of both after each, an error changes nothing, and settling again changes nothing.
//
// With DKV20_FUZZ_COMMANDS in the environment the commands go to standard error as the lines of a
// trace, each before it is run.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "dkv20/protocol.h"
#include "fuzz.h"
#include "twin.h"

namespace {

using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::ErrorCode;
using dkv20::Op;
using dkv20::ReplicaId;
using dkv20::testing::Describe;
using dkv20::testing::Twin;

// The twin looks at all that there is after every step.
constexpr int kEventsMax = 200;

// A failure of the twin's ends the process, which libFuzzer takes for a finding.
const bool kBreaks = [] {
  GTEST_FLAG_SET(break_on_failure, true);
  return true;
}();

void Show(const std::string& line) {
  static const bool kShown = std::getenv("DKV20_FUZZ_COMMANDS") != nullptr;
  if (kShown) static_cast<void>(std::fprintf(stderr, "> %s\n", line.c_str()));
}

// Runs what bytes spell on a cluster and on its twin.
class Events {
 public:
  Events(std::span<const std::uint8_t> bytes)
      : bytes_(bytes),
        size_(Byte() % 7U + 1U),
        cluster_(std::move(Cluster::New(size_).value())),
        twin_(size_) {
    Show("new " + std::to_string(size_));
  }

  void Run() {
    for (int count = 0; !bytes_.empty() && count < kEventsMax; ++count) {
      Step();
      twin_.ExpectSame(cluster_);
    }
    const std::string before = Describe(cluster_);
    FUZZ_CHECK(cluster_.Partition({}) == std::nullopt);
    FUZZ_CHECK(Describe(cluster_) == before);
  }

 private:
  // 0 where there is no more.
  std::uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  // Few keys, so that they meet again; some are prefixes of others, some have high bytes.
  Op TakeOp() {
    const std::uint8_t choice = Byte();
    const std::vector<std::uint8_t> key((choice & 1U) + 1U,
                                        static_cast<std::uint8_t>(0x7e + (choice >> 1U) % 4));
    switch (choice >> 6U) {
      case 0:
        return (choice & 0x20U) != 0 ? Op::Del(ByteString("")) : Op::NoOp();
      case 1:
        return Op::Del(ByteString(key));
      default:
        return Op::Put(ByteString(key), ByteString(std::vector<std::uint8_t>{Byte()}));
    }
  }

  std::vector<ReplicaId> TakeIds() {
    std::vector<ReplicaId> ids;
    for (std::uint8_t mask = Byte(), id = 0; id < size_; ++id) {
      if (((mask >> id) & 1U) != 0) ids.push_back(id);
    }
    return ids;
  }

  void Step() {
    switch (const std::uint8_t event = Byte(); event % 16U) {
      case 0:
      case 1:
      case 2:
        return Propose(std::nullopt);
      case 3:
        return Propose(event / 16U % (size_ + 1U));  // one may be unknown
      case 4:
      case 5:
      case 6:
        return Propose(ALeader(event / 16U));
      case 7:
        return Partition({cluster_.leader()});
      case 8:
      case 9:
        return Partition(TakeIds());
      case 10:
      case 11:
        return Heal(TakeIds());
      case 12:
        return Heal(AllIds());
      case 13:
        return Compact(TakeIds());
      case 14:
        return Compact(AllIds());
      default:
        return Unknown();
    }
  }

  // To the current leader, or to this replica.
  void Propose(std::optional<ReplicaId> id) {
    const Op op = TakeOp();
    std::string line = id ? "at " + std::to_string(*id) + " " : "";
    dkv20::AppendOp(op, line);
    Show(line);
    const std::string before = Describe(cluster_);
    const auto actual = id ? cluster_.ProposeAt(*id, op) : cluster_.Propose(op);
    const auto expected = id ? twin_.ProposeAt(*id, op) : twin_.Propose(op);
    if (actual.ok()) {
      FUZZ_CHECK(actual.value() == expected.first);
    } else {
      FUZZ_CHECK(dkv20::ErrorName(actual.error()) == expected.second);
      FUZZ_CHECK(Describe(cluster_) == before);
    }
  }

  void Partition(const std::vector<ReplicaId>& ids) {
    Show(Line("partition", ids));
    FUZZ_CHECK(cluster_.Partition(ids) == std::nullopt);
    twin_.Partition(ids);
  }

  // No line says that nobody is healed, or compacted: it would mean all.
  void Heal(const std::vector<ReplicaId>& ids) {
    if (ids.empty()) return;
    Show(Line("heal", ids));
    FUZZ_CHECK(cluster_.HealIds(ids) == std::nullopt);
    twin_.Heal(ids);
  }

  void Compact(const std::vector<ReplicaId>& ids) {
    if (ids.empty()) return;
    Show(Line("compact", ids));
    FUZZ_CHECK(cluster_.CompactIds(ids) == std::nullopt);
    twin_.Compact(ids);
  }

  // An id that is not there, behind some that are: nothing changes.
  void Unknown() {
    std::vector<ReplicaId> ids = TakeIds();
    ids.push_back(size_);
    const std::string before = Describe(cluster_);
    FUZZ_CHECK(cluster_.Partition(ids) == ErrorCode::kUnknownReplica);
    FUZZ_CHECK(cluster_.HealIds(ids) == ErrorCode::kUnknownReplica);
    FUZZ_CHECK(cluster_.CompactIds(ids) == ErrorCode::kUnknownReplica);
    FUZZ_CHECK(Describe(cluster_) == before);
  }

  // One of those that take themselves for the leader.
  [[nodiscard]] ReplicaId ALeader(std::size_t choice) const {
    std::vector<ReplicaId> leaders;
    for (const ReplicaId id : AllIds()) {
      if (cluster_.replica(id)->role() == dkv20::Role::kLeader) leaders.push_back(id);
    }
    return leaders[choice % leaders.size()];
  }

  [[nodiscard]] std::vector<ReplicaId> AllIds() const {
    std::vector<ReplicaId> ids;
    for (ReplicaId id = 0; id < size_; ++id) ids.push_back(id);
    return ids;
  }

  static std::string Line(std::string line, const std::vector<ReplicaId>& ids) {
    for (const ReplicaId id : ids) line += " " + std::to_string(id);
    return line;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t size_;
  Cluster cluster_;
  Twin twin_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FUZZ_CHECK(kBreaks);
  Events(std::span(data, size)).Run();
  return 0;
}
