#include "chaos.h"

#include <array>
#include <vector>

#include "dkv20/workload.h"
#include "protocol.h"

namespace dkv20 {
namespace {

// The size of the key space: small, so that keys recur.
constexpr std::uint64_t kChaosKeys = 64;

// The commands after the last step, for each id in turn.
constexpr std::array<std::string_view, 3> kClosingWords = {"replica", "log", "hash"};

void AppendWord(std::string_view word, ReplicaId id, std::string& out) noexcept {
  out += word;
  out += ' ';
  AppendNumber(id, out);
}

}  // namespace

bool ChaosLines::Next(const Cluster& cluster, std::string& out) noexcept {
  if (steps_left_ > 0) {
    --steps_left_;
    AppendStep(cluster, out);
    return true;
  }
  const ReplicaId id = closing_lines_ / kClosingWords.size();
  if (id >= cluster.size()) return false;
  AppendWord(kClosingWords[closing_lines_++ % kClosingWords.size()], id, out);
  return true;
}

// The seven highest bits of a draw select the command. Draws are made in the order in which their
// results appear in the line.
void ChaosLines::AppendStep(const Cluster& cluster, std::string& out) noexcept {
  const std::uint64_t e = draws_.Next() >> 57;
  if (e <= 55) {
    AppendDrawnOp(out);
  } else if (e <= 71) {
    AppendWord("at", DrawLeader(cluster), out);
    out += ' ';
    AppendDrawnOp(out);
  } else if (e <= 75) {
    AppendWithId("at", cluster, out);
    out += ' ';
    AppendDrawnOp(out);
  } else if (e <= 83) {
    AppendWithId("partition", cluster, out);
  } else if (e <= 87) {
    AppendWord("partition", cluster.leader(), out);
  } else if (e <= 91) {
    AppendWithMask("partition", cluster, out);
  } else if (e <= 99) {
    AppendWithId("heal", cluster, out);
  } else if (e <= 103) {
    AppendWithMask("heal", cluster, out);
  } else if (e <= 105) {
    out += "heal";
  } else if (e <= 109) {
    AppendWithId("compact", cluster, out);
  } else if (e <= 111) {
    out += "compact";
  } else if (e <= 115) {
    AppendWithId("get", cluster, out);
    out += ' ';
    AppendHex(DecodeKey(draws_.Next(), kChaosKeys).value().view(), out);
  } else if (e <= 120) {
    AppendWithId("hash", cluster, out);
  } else if (e <= 123) {
    AppendWithId("log", cluster, out);
  } else if (e <= 126) {
    AppendWithId("replica", cluster, out);
  } else {
    out += "status";
  }
}

void ChaosLines::AppendDrawnOp(std::string& out) noexcept {
  AppendOp(DrawOp(draws_, kChaosKeys).value(), out);
}

void ChaosLines::AppendWithId(std::string_view word, const Cluster& cluster,
                              std::string& out) noexcept {
  AppendWord(word, draws_.Next() % cluster.size(), out);
}

void ChaosLines::AppendWithMask(std::string_view word, const Cluster& cluster,
                                std::string& out) noexcept {
  out += word;
  const std::uint64_t mask = draws_.Next();
  for (ReplicaId id = 0; id < cluster.size(); ++id) {
    if (((mask >> id) & 1U) != 0) AppendWord("", id, out);
  }
}

ReplicaId ChaosLines::DrawLeader(const Cluster& cluster) noexcept {
  // Never empty: the current leader is one of them.
  std::vector<ReplicaId> leaders;
  for (ReplicaId id = 0; id < cluster.size(); ++id) {
    if (cluster.replica(id)->role() == Role::kLeader) leaders.push_back(id);
  }
  return leaders[static_cast<std::size_t>(draws_.Next() % leaders.size())];
}

}  // namespace dkv20
