// Lines and what they mean (definition, section 8). Nothing here runs a command.
//
// A line is bytes, not text; string_view carries it because most of it is ASCII.

#ifndef DKV20_PROTOCOL_H_
#define DKV20_PROTOCOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/byte_string.h"
#include "dkv20/cluster.h"
#include "dkv20/error.h"
#include "dkv20/op.h"

namespace dkv20 {

// Greatest length of a line in bytes, its LF not counted.
inline constexpr std::size_t kLineLengthMax = 4194304;

// What a line asks for. kPropose and kProposeAt cover noop, put and del.
enum class CommandKind : std::uint8_t {
  kNothing,  // a line without tokens, or a comment: it gets no answer
  kHello,
  kNew,
  kPropose,
  kProposeAt,
  kPartition,
  kHeal,
  kCompact,
  kStatus,
  kReplica,
  kGet,
  kHash,
  kDump,
  kLog,
  kLoad,
  kMix,
  kDraw,
  kWorkload,
  kChaos,
  kScenario,
  kQuit,
};

// A line taken apart. Which members count depends on `kind`.
struct Command {
  CommandKind kind = CommandKind::kNothing;
  // Whether it is marked * in the definition: it needs a cluster.
  bool needs_cluster = false;
  // The numbers of the line in their order; an ID comes first where there is one.
  std::array<std::uint64_t, 3> numbers = {};
  // The op of kPropose and kProposeAt, which may break its limits.
  Op op;
  // The KEY of kGet, the BYTES of kLoad.
  ByteString bytes;
  // The ids of kPartition, kHeal and kCompact.
  std::vector<ReplicaId> ids;
  // The NAME of kScenario; a part of the line that was parsed.
  std::string_view name;
};

// Takes a line apart. kLineLength, kUnknownCommand or kSyntax, in that order.
[[nodiscard]] Result<Command> Parse(std::string_view line) noexcept;

// The following append to an answer or to a command line.

// A number in decimal.
void AppendNumber(std::uint64_t number, std::string& out) noexcept;
// `0x` and lower-case hex.
void AppendHex(std::span<const std::uint8_t> bytes, std::string& out) noexcept;
// `noop`, `put KEY VALUE` or `del KEY`, with byte strings in hex.
void AppendOp(const Op& op, std::string& out) noexcept;
// `ok committed index=I term=T` or `ok pending index=I term=T`.
void AppendOutcome(const Outcome& outcome, std::string& out) noexcept;
// `err CODE`, and ` offset=O` for a snapshot's.
void AppendError(ErrorCode code, std::string& out) noexcept;
void AppendError(const LoadError& error, std::string& out) noexcept;

}  // namespace dkv20

#endif  // DKV20_PROTOCOL_H_
