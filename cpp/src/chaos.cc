#include "dkv20/chaos.h"

#include <bit>

#include "dkv20/protocol.h"
#include "dkv20/workload.h"
#include "sha256.h"

namespace dkv20 {
namespace {

// Makes one line. Draws are made in the order in which their results stand in it.
class LineMaker {
 public:
  LineMaker(SplitMix64& draws, const Cluster& cluster, std::string& out) noexcept
      : draws_(draws), cluster_(cluster), out_(out) {}

  // One draw chooses the command by its seven highest bits.
  void Make() noexcept {
    const std::uint64_t e = draws_.Next() >> 57;
    if (e <= 55) return DrawnOp();
    if (e <= 71) return At(DrawnLeader());
    if (e <= 75) return At(DrawnId());
    if (e <= 83) return Word("partition", DrawnId());
    if (e <= 87) return Word("partition", cluster_.leader());
    if (e <= 91) return WordAndMask("partition");
    if (e <= 99) return Word("heal", DrawnId());
    if (e <= 103) return WordAndMask("heal");
    if (e <= 105) return Word("heal");
    if (e <= 109) return Word("compact", DrawnId());
    if (e <= 111) return Word("compact");
    if (e <= 115) return Get();
    if (e <= 120) return Word("hash", DrawnId());
    if (e <= 123) return Word("log", DrawnId());
    if (e <= 126) return Word("replica", DrawnId());
    Word("status");
  }

 private:
  void Word(std::string_view word) noexcept { out_ += word; }
  void Word(std::string_view word, ReplicaId id) noexcept {
    out_ += word;
    out_ += ' ';
    AppendNumber(id, out_);
  }
  // The ids below the cluster's size whose bit is set, ascending.
  void WordAndMask(std::string_view word) noexcept {
    out_ += word;
    const std::uint64_t mask = draws_.Next();
    for (ReplicaId id = 0; id < cluster_.size(); ++id) {
      if (((mask >> id) & 1U) != 0) Word("", id);
    }
  }
  void DrawnOp() noexcept { AppendOp(DrawOp(draws_, kChaosKeys), out_); }
  void At(ReplicaId id) noexcept {
    Word("at", id);
    out_ += ' ';
    DrawnOp();
  }
  void Get() noexcept {
    Word("get", DrawnId());
    out_ += ' ';
    AppendHex(WorkloadKey(draws_.Next(), kChaosKeys).view(), out_);
  }

  ReplicaId DrawnId() noexcept { return draws_.Next() % cluster_.size(); }
  // One of those that take themselves for the leader. There is always one: the current leader.
  ReplicaId DrawnLeader() noexcept {
    std::uint64_t leaders = 0;
    for (ReplicaId id = 0; id < cluster_.size(); ++id) {
      const bool leads = cluster_.replica(id)->role() == Role::kLeader;
      leaders |= (leads ? std::uint64_t{1} : 0) << id;
    }
    std::uint64_t position = draws_.Next() % static_cast<unsigned>(std::popcount(leaders));
    for (; position > 0; --position) leaders &= leaders - 1;
    return static_cast<ReplicaId>(std::countr_zero(leaders));
  }

  SplitMix64& draws_;
  const Cluster& cluster_;
  std::string& out_;
};

// Hashes lines and their answers as they stand in a trace.
class Digest {
 public:
  explicit Digest(Session& session) noexcept : session_(session) {}

  // Where the next command line is to be appended, after Begin.
  std::string& Begin() noexcept {
    text_ += "> ";
    line_at_ = text_.size();
    return text_;
  }
  // Runs the line that has been appended and takes its answer in.
  void Run() noexcept {
    line_.assign(text_, line_at_);
    text_ += "\n< ";
    session_.Run(line_, text_);
    text_ += '\n';
    if (text_.size() >= kEnough) Update();
  }
  [[nodiscard]] std::string FinishHex() noexcept {
    Update();
    return hash_.FinishHex();
  }

 private:
  static constexpr std::size_t kEnough = 16384;

  void Update() noexcept {
    hash_.Update(text_);
    text_.clear();
  }

  Session& session_;
  Sha256 hash_;
  std::string text_;
  std::string line_;
  std::size_t line_at_ = 0;
};

}  // namespace

void AppendChaosLine(SplitMix64& draws, const Cluster& cluster, std::string& out) noexcept {
  LineMaker(draws, cluster, out).Make();
}

Result<std::string> RunChaos(Session& session, std::uint64_t seed, std::uint64_t steps) noexcept {
  const Cluster* cluster = session.cluster();
  if (cluster == nullptr) return ErrorCode::kNoCluster;
  if (steps > kCountMax) return ErrorCode::kCount;
  SplitMix64 draws(seed);
  Digest digest(session);
  for (std::uint64_t i = 0; i < steps; ++i) {
    AppendChaosLine(draws, *cluster, digest.Begin());
    digest.Run();
  }
  for (ReplicaId id = 0; id < cluster->size(); ++id) {
    for (const std::string_view word : {"replica ", "log ", "hash "}) {
      std::string& line = digest.Begin();
      line += word;
      AppendNumber(id, line);
      digest.Run();
    }
  }
  return digest.FinishHex();
}

}  // namespace dkv20
