#include "docker_client/streams.hpp"

#include <algorithm>

#include "docker_client/error.hpp"

namespace docker {
namespace {

// Drops what was taken, but seldom: erasing at every value would copy the rest each time.
void drop_taken(std::string& buffer, std::size_t& start) {
  if (start < buffer.size() / 2) return;
  buffer.erase(0, start);
  start = 0;
}

bool is_separator(char c) {
  constexpr char record_separator = 0x1E;
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == record_separator;
}

}  // namespace

void json_splitter::feed(std::string_view bytes) {
  const std::size_t before = start_;
  drop_taken(buffer_, start_);
  scan_ -= before - start_;
  buffer_.append(bytes);
}

std::optional<json> json_splitter::next() {
  if (depth_ == 0) skip_separators();
  if (!scan_value()) return std::nullopt;
  const std::string_view text = std::string_view(buffer_).substr(start_, scan_ - start_);
  start_ = scan_;
  try {
    return json::parse(text);
  } catch (const json_error& failure) {
    throw error(error_kind::protocol, std::string(failure.what()) + ": " + printable(text, 300));
  }
}

void json_splitter::skip_separators() {
  while (start_ < buffer_.size() && is_separator(buffer_[start_])) ++start_;
  scan_ = start_;
  if (start_ == buffer_.size() || buffer_[start_] == '{' || buffer_[start_] == '[') return;
  throw error(error_kind::protocol, "not JSON: " + printable(std::string_view(buffer_).substr(start_), 300));
}

// True when [start_, scan_) is a whole value. Which bracket closes which is the parser's business.
bool json_splitter::scan_value() {
  while (scan_ < buffer_.size()) {
    if (scan_ - start_ == largest_value) throw error(error_kind::protocol, "a JSON value is larger than 16 MiB");
    if (step(buffer_[scan_++])) return true;
  }
  return false;
}

// True when `c` closes the outermost bracket.
bool json_splitter::step(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (in_string_) {
    escaped_ = c == '\\';
    in_string_ = c != '"';
  } else if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    return --depth_ == 0;
  }
  return false;
}

void json_splitter::end_of_input() const {
  if (depth_ != 0) throw error(error_kind::truncated, "the answer ended inside a JSON value");
}

void frame_decoder::feed(std::string_view bytes) {
  drop_taken(buffer_, start_);
  buffer_.append(bytes);
}

std::optional<log_chunk> frame_decoder::next() {
  while (left_ == 0)
    if (!read_header()) return std::nullopt;
  const std::size_t count = std::min<std::size_t>(left_, buffer_.size() - start_);
  if (count == 0) return std::nullopt;
  log_chunk chunk{source_, buffer_.substr(start_, count)};
  start_ += count;
  left_ -= static_cast<std::uint32_t>(count);
  return chunk;
}

bool frame_decoder::read_header() {
  constexpr std::size_t header_size = 8;
  if (buffer_.size() - start_ < header_size) return false;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(buffer_[start_ + i]));
  };
  if (byte(0) > 3 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0)
    throw error(error_kind::protocol,
                "not a multiplexed stream: " + printable(std::string_view(buffer_).substr(start_), 100));
  source_ = static_cast<log_source>(byte(0));
  left_ = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
  start_ += header_size;
  return true;
}

void frame_decoder::end_of_input() const {
  if (left_ != 0 || start_ != buffer_.size())
    throw error(error_kind::truncated, "the answer ended inside a frame of output");
}

}  // namespace docker
