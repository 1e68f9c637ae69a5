#include "dkv20/snapshot.h"

#include <array>
#include <optional>
#include <utility>

#include "dkv20/byte_writer.h"
#include "dkv20/op.h"
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

// Reads fields front to back and keeps the first error. After an error it reads nothing more.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  [[nodiscard]] const LoadError& error() const noexcept { return *error_; }
  [[nodiscard]] bool at_end() const noexcept { return next_ == bytes_.size(); }

  // The next field, or an empty span where fewer bytes are left: kTruncated.
  std::span<const std::uint8_t> Take(std::size_t length) noexcept {
    if (failed()) return {};
    field_ = next_;
    if (bytes_.size() - next_ < length) {
      Fail(ErrorCode::kTruncated);
      return {};
    }
    next_ += length;
    return bytes_.subspan(field_, length);
  }
  std::uint32_t TakeU32Le() noexcept { return static_cast<std::uint32_t>(TakeLe(4)); }
  std::uint64_t TakeU64Le() noexcept { return TakeLe(8); }

  // Judges the field that was taken last.
  void Expect(bool good, ErrorCode otherwise) noexcept {
    if (!failed() && !good) Fail(otherwise);
  }
  void ExpectNoMore() noexcept {
    if (failed() || at_end()) return;
    field_ = next_;
    Fail(ErrorCode::kTrailingBytes);
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
  void Fail(ErrorCode code) noexcept { error_ = LoadError{code, field_}; }

  std::span<const std::uint8_t> bytes_;
  // Offsets of the field taken last and of the next one.
  std::size_t field_ = 0;
  std::size_t next_ = 0;
  std::optional<LoadError> error_;
};

// Reads a u32 length, judges it, and reads as many bytes.
ByteString ReadByteString(Reader& reader, std::optional<ErrorCode> (*check)(std::size_t) noexcept,
                          ErrorCode otherwise) noexcept {
  const std::uint32_t length = reader.TakeU32Le();
  reader.Expect(!check(length).has_value(), otherwise);
  return ByteString(reader.Take(length));
}

// Reads the header and answers the number of keys.
std::uint64_t ReadHeader(Reader& reader, Snapshot& snapshot) noexcept {
  const auto magic = reader.Take(kMagic.size());
  reader.Expect(ByteString(magic) == ByteString(std::span(kMagic)), ErrorCode::kBadMagic);
  reader.Expect(reader.TakeU32Le() == kVersion, ErrorCode::kBadVersion);
  snapshot.commit_index = reader.TakeU64Le();
  snapshot.term = reader.TakeU64Le();
  reader.Expect((snapshot.commit_index == 0) == (snapshot.term == 0), ErrorCode::kBadTerm);
  const std::uint64_t count = reader.TakeU64Le();
  reader.Expect(count <= snapshot.commit_index, ErrorCode::kBadCount);
  return count;
}

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

Result<Snapshot, LoadError> LoadState(std::span<const std::uint8_t> bytes) noexcept {
  Reader reader(bytes);
  Snapshot snapshot;
  const std::uint64_t count = ReadHeader(reader, snapshot);
  ByteString previous;  // Empty, and so below any key.
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    ByteString key = ReadByteString(reader, CheckKeyLength, ErrorCode::kKeyLength);
    reader.Expect(previous < key, ErrorCode::kKeyOrder);
    const ByteString value = ReadByteString(reader, CheckValueLength, ErrorCode::kValueLength);
    if (!reader.failed()) snapshot.map.Put(key, value);
    previous = std::move(key);
  }
  reader.ExpectNoMore();
  if (reader.failed()) return reader.error();
  return snapshot;
}

}  // namespace dkv20
