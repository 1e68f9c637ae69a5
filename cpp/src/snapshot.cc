#include "dkv20/snapshot.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "byte_writer.h"
#include "dkv20/op.h"
#include "dump.h"
#include "ordered_map.h"
#include "sha256.h"

namespace dkv20 {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'D', 'K', 'V', 'S'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderLength = 32;

void WriteState(std::uint64_t commit_index, std::uint64_t term, const OrderedMap& map,
                ByteWriter& writer) noexcept {
  writer.Append(kMagic);
  writer.PutU32Le(kVersion);
  writer.PutU64Le(commit_index);
  writer.PutU64Le(term);
  writer.PutU64Le(map.size());
  map.ForEach([&](const ByteString& key, const ByteString& value) {
    writer.AppendWithLength(key);
    writer.AppendWithLength(value);
  });
  writer.Flush();
}

// Reads fields front to back and keeps the first error. After an error all fields are empty or 0.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::optional<LoadError> error() const noexcept { return error_; }

  // Returns the next field; kTruncated if fewer bytes are left.
  std::span<const std::uint8_t> Take(std::size_t length) noexcept {
    if (error_) return {};
    field_ = next_;
    Require(bytes_.size() - next_ >= length, ErrorCode::kTruncated);
    if (error_) return {};
    next_ += length;
    return bytes_.subspan(field_, length);
  }
  std::uint32_t TakeU32Le() noexcept { return static_cast<std::uint32_t>(TakeLe(4)); }
  std::uint64_t TakeU64Le() noexcept { return TakeLe(8); }
  // A u32 length, which is checked first, and that many bytes.
  ByteString TakeByteString(Status (*check_length)(std::size_t) noexcept) noexcept {
    const std::uint32_t length = TakeU32Le();
    const Status status = check_length(length);
    if (!status.ok()) Require(false, status.code());
    return ByteString(Take(length));
  }
  void TakeEnd() noexcept {
    if (error_) return;
    field_ = next_;
    Require(next_ == bytes_.size(), ErrorCode::kTrailingBytes);
  }

  // Records an error of the last field, unless `holds` or there is an error already.
  void Require(bool holds, ErrorCode code) noexcept {
    if (!holds && !error_) error_ = LoadError{code, field_};
  }

 private:
  std::uint64_t TakeLe(std::size_t length) noexcept {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::uint8_t byte : Take(length)) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  // Offsets of the last field and of the next one.
  std::size_t field_ = 0;
  std::size_t next_ = 0;
  std::optional<LoadError> error_;
};

}  // namespace

Bytes DumpState(std::uint64_t commit_index, std::uint64_t term, const OrderedMap& map) noexcept {
  Bytes out;
  out.reserve(kHeaderLength + 8 * map.size() + map.byte_count());
  BytesWriter writer(out);
  WriteState(commit_index, term, map, writer);
  return out;
}

std::string SnapshotHash(std::uint64_t commit_index, std::uint64_t term,
                         const OrderedMap& map) noexcept {
  HashWriter writer;
  WriteState(commit_index, term, map, writer);
  return writer.FinishHex();
}

Snapshot::Snapshot() noexcept : map_(std::make_unique<OrderedMap>()) {}
Snapshot::Snapshot(Snapshot&& other) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&& other) noexcept = default;
Snapshot::~Snapshot() = default;

std::size_t Snapshot::key_count() const noexcept { return map_->size(); }
const ByteString* Snapshot::Get(const ByteString& key) const noexcept { return map_->Get(key); }
void Snapshot::ForEach(
    const std::function<void(const ByteString&, const ByteString&)>& visit) const {
  map_->ForEach(visit);
}

Bytes Snapshot::DumpState() const noexcept { return dkv20::DumpState(commit_index_, term_, *map_); }

std::string Snapshot::SnapshotHash() const noexcept {
  return dkv20::SnapshotHash(commit_index_, term_, *map_);
}

Result<Snapshot, LoadError> LoadState(std::span<const std::uint8_t> bytes) noexcept {
  Reader reader(bytes);
  Snapshot snapshot;
  reader.Require(std::ranges::equal(reader.Take(kMagic.size()), kMagic), ErrorCode::kBadMagic);
  reader.Require(reader.TakeU32Le() == kVersion, ErrorCode::kBadVersion);
  snapshot.commit_index_ = reader.TakeU64Le();
  snapshot.term_ = reader.TakeU64Le();
  reader.Require((snapshot.commit_index_ == 0) == (snapshot.term_ == 0), ErrorCode::kBadTerm);
  const std::uint64_t count = reader.TakeU64Le();
  reader.Require(count <= snapshot.commit_index_, ErrorCode::kBadCount);
  ByteString previous;  // Empty, and so below every key.
  for (std::uint64_t i = 0; i < count && !reader.error(); ++i) {
    ByteString key = reader.TakeByteString(CheckKeyLength);
    reader.Require(previous < key, ErrorCode::kKeyOrder);
    const ByteString value = reader.TakeByteString(CheckValueLength);
    if (!reader.error()) snapshot.map_->Put(key, value);
    previous = std::move(key);
  }
  reader.TakeEnd();
  if (const auto error = reader.error()) return *error;
  return snapshot;
}

}  // namespace dkv20
