// The log laid over a database gives what its frames say, by a second reading of the file format; a log that was never
// a log changes nothing.
#include <algorithm>
#include <string>
#include <vector>

#include "orchestration/release/database_image.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

// https://www.sqlite.org/fileformat2.html#walformat
constexpr std::size_t page_size = 512, pages = 4, log_header = 32, frame_header = 24;

std::uint32_t word(const std::string& bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

void put_word(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i));
}

struct running_sum {
  std::uint32_t a = 0, b = 0;
  void add(const std::string& bytes, std::size_t at, std::size_t size) {
    for (std::size_t i = at; i < at + size; i += 8) {
      a += word(bytes, i) + b;
      b += word(bytes, i + 4) + a;
    }
  }
};

std::string sample_database() {
  std::string out;
  for (std::size_t page = 0; page < pages; ++page) out += std::string(page_size, static_cast<char>('a' + page));
  out[18] = out[19] = 2;  // it has a log
  return out;
}

/// One page of the log as the input asks for it: bytes 0 and 1 are its number and the size of the database behind it.
struct frame {
  std::uint32_t page = 0, database_pages = 0;
  char fill = 0;
};

std::vector<frame> frames_of(std::string_view input) {
  std::vector<frame> out;
  while (input.size() >= 3 && out.size() < 40) {
    const std::uint32_t page = fuzz::take_byte(input) % 9U;
    const std::uint32_t size = fuzz::take_byte(input) % 12U;
    out.push_back({page, size > 7 ? 0 : size, static_cast<char>(fuzz::take_byte(input))});
  }
  return out;
}

std::string log_of(const std::vector<frame>& frames) {
  std::string log(log_header, '\0');
  put_word(log, 0, 0x377f0683);  // checksums over big-endian words
  put_word(log, 8, page_size);
  put_word(log, 16, 0x01020304), put_word(log, 20, 0x05060708);  // salts
  running_sum sum;
  sum.add(log, 0, log_header - 8);
  put_word(log, 24, sum.a), put_word(log, 28, sum.b);
  for (const frame& each : frames) {
    const std::size_t at = log.size();
    log += std::string(frame_header, '\0') + std::string(page_size, each.fill);
    put_word(log, at, each.page), put_word(log, at + 4, each.database_pages);
    log.replace(at + 8, 8, log, 16, 8);
    sum.add(log, at, 8);
    sum.add(log, at + frame_header, page_size);
    put_word(log, at + 16, sum.a), put_word(log, at + 20, sum.b);
  }
  return log;
}

/// The database after the last whole transaction among the first `whole` frames.
std::string expected_database(const std::vector<frame>& frames, std::size_t whole) {
  std::string database = sample_database();
  std::size_t last = 0, size = 0;
  for (std::size_t i = 0; i < whole && frames[i].page != 0; ++i)
    if (frames[i].database_pages != 0) last = i + 1, size = frames[i].database_pages;
  if (last != 0 && size <= pages + last) {
    database.resize(size * page_size);
    for (std::size_t i = 0; i < last; ++i)
      if (frames[i].page <= size)
        database.replace((frames[i].page - 1) * page_size, page_size, page_size, frames[i].fill);
  }
  database[18] = database[19] = 1;
  return database;
}

}  // namespace

void fuzz_one(std::string_view input) {
  std::string untouched = sample_database();
  untouched[18] = untouched[19] = 1;
  const std::string raw(input);
  const std::string over_raw = orchestration::apply_write_ahead_log(sample_database(), raw);
  fuzz::expect(raw.size() >= log_header || over_raw == untouched, "too short for a log changes nothing");
  fuzz::expect(over_raw.size() <= sample_database().size() + raw.size(), "no page is made up");
  (void)orchestration::apply_write_ahead_log(raw, raw);

  const std::size_t damaged = fuzz::take_byte(input);
  const std::vector<frame> frames = frames_of(input);
  std::string log = log_of(frames);
  std::size_t whole = frames.size();
  if (damaged < frames.size()) {  // one bit, anywhere in that frame
    log[log_header + damaged * (frame_header + page_size) + damaged] ^= 1;
    whole = damaged;
  }
  fuzz::expect(orchestration::apply_write_ahead_log(sample_database(), log) == expected_database(frames, whole),
               "the log gives what its frames say");
  log.resize(log.size() - std::min(log.size(), damaged));
  (void)orchestration::apply_write_ahead_log(sample_database(), log);
}
