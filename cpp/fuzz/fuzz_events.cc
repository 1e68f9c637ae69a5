// Any sequence of operations on a cluster and on the tests' model (definition, section 4): both are
// equal after each, an error changes nothing, and settling again changes nothing.
//
// If DKV20_FUZZ_COMMANDS is set, each command is written to standard error, as in a trace, before
// it is run.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "model.h"
#include "protocol.h"

namespace {

using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::ErrorCode;
using dkv20::Op;
using dkv20::ReplicaId;
using dkv20::Status;
using dkv20::testing::Describe;
using dkv20::testing::Model;

// The model compares everything after every step, which takes time.
constexpr int kEventsMax = 200;

// A failure that the model reports ends the process, which libFuzzer reports as a finding.
const bool kBreaks = [] {
  GTEST_FLAG_SET(break_on_failure, true);
  return true;
}();

void Show(const std::string& line) {
  static const bool kShown = std::getenv("DKV20_FUZZ_COMMANDS") != nullptr;
  if (kShown) static_cast<void>(std::fprintf(stderr, "> %s\n", line.c_str()));
}

// Decodes bytes to operations and runs them on a cluster and on its model.
class Events {
 public:
  Events(std::span<const std::uint8_t> bytes)
      : bytes_(bytes),
        size_(Byte() % 7U + 1U),
        cluster_(Cluster::New(size_).value()),
        model_(size_) {
    Show("new " + std::to_string(size_));
  }

  void Run() {
    for (int count = 0; !bytes_.empty() && count < kEventsMax; ++count) {
      Step();
      model_.ExpectSame(cluster_);
    }
    const std::string before = Describe(cluster_);
    FUZZ_CHECK(cluster_.Partition({}).ok());
    FUZZ_CHECK(Describe(cluster_) == before);
  }

 private:
  // Returns the next byte, 0 at the end.
  std::uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  // Few keys, so that they recur; some are prefixes of others, some have high bytes.
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
        return Propose(event / 16U % (size_ + 1U));  // may be unknown
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
        return Heal(model_.all_ids());
      case 13:
        return Compact(TakeIds());
      case 14:
        return Compact(model_.all_ids());
      default:
        return Unknown();
    }
  }

  // Proposes to the current leader, or to this replica.
  void Propose(std::optional<ReplicaId> id) {
    const Op op = TakeOp();
    std::string line = id ? "at " + std::to_string(*id) + " " : "";
    dkv20::AppendOp(op, line);
    Show(line);
    const std::string before = Describe(cluster_);
    const auto actual = id ? cluster_.ProposeAt(*id, op) : cluster_.Propose(op);
    const auto expected = id ? model_.ProposeAt(*id, op) : model_.Propose(op);
    if (actual.ok()) {
      FUZZ_CHECK(actual.value() == expected.value());
    } else {
      FUZZ_CHECK(actual.error() == expected.error());
      FUZZ_CHECK(Describe(cluster_) == before);
    }
  }

  void Partition(const std::vector<ReplicaId>& ids) {
    Show(Line("partition", ids));
    FUZZ_CHECK(cluster_.Partition(ids).ok());
    model_.Partition(ids);
  }

  // Without ids, the lines `heal` and `compact` mean all replicas, not none.
  void Heal(const std::vector<ReplicaId>& ids) {
    if (ids.empty()) return;
    Show(Line("heal", ids));
    FUZZ_CHECK(cluster_.HealIds(ids).ok());
    model_.HealIds(ids);
  }

  void Compact(const std::vector<ReplicaId>& ids) {
    if (ids.empty()) return;
    Show(Line("compact", ids));
    FUZZ_CHECK(cluster_.CompactIds(ids).ok());
    model_.CompactIds(ids);
  }

  // An unknown id after known ones: nothing changes.
  void Unknown() {
    std::vector<ReplicaId> ids = TakeIds();
    ids.push_back(size_);
    const std::string before = Describe(cluster_);
    FUZZ_CHECK(cluster_.Partition(ids) == Status(ErrorCode::kUnknownReplica));
    FUZZ_CHECK(cluster_.HealIds(ids) == Status(ErrorCode::kUnknownReplica));
    FUZZ_CHECK(cluster_.CompactIds(ids) == Status(ErrorCode::kUnknownReplica));
    FUZZ_CHECK(Describe(cluster_) == before);
  }

  // Returns one of the replicas that believe they are leader.
  [[nodiscard]] ReplicaId ALeader(std::size_t choice) const {
    std::vector<ReplicaId> leaders;
    for (const ReplicaId id : model_.all_ids()) {
      if (cluster_.replica(id)->role() == dkv20::Role::kLeader) leaders.push_back(id);
    }
    return leaders[choice % leaders.size()];
  }

  static std::string Line(std::string line, const std::vector<ReplicaId>& ids) {
    for (const ReplicaId id : ids) line += " " + std::to_string(id);
    return line;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t size_;
  Cluster cluster_;
  Model model_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FUZZ_CHECK(kBreaks);
  Events(std::span(data, size)).Run();
  return 0;
}
