// Bytes of a reply's body → values. No I/O: feed what came, take what is complete.
//
// Both throw docker::error without a request (kind protocol or truncated); after that the object is of no use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "docker_client/json.hpp"

namespace docker {

/// A sequence of JSON objects or arrays, with any white space or record separators (RFC 7464) between them: pull and
/// event streams end lines with \n or \r\n. Anything else at the top level is a protocol error that quotes it: a
/// proxy's text in the middle of a stream must not pass for an end.
class json_splitter {
 public:
  static constexpr std::size_t largest_value = 16 * 1024 * 1024;  // progress with attestations has been seen at 1 MiB

  void feed(std::string_view bytes);
  std::optional<json> next();  // nullopt: feed more
  void end_of_input() const;   // error (truncated) inside a value

 private:
  bool scan_value();
  bool step(char c);
  void skip_separators();
  std::string buffer_;
  std::size_t start_ = 0;  // of the value being read
  std::size_t scan_ = 0;   // where to go on, so that no byte is looked at twice
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

enum class log_source : std::uint8_t { in = 0, out = 1, err = 2, system = 3 };

struct log_chunk {
  log_source source = log_source::out;
  std::string bytes;  // foreign text: neither lines nor valid UTF-8
};

/// The multiplexed stream of logs and attach: [source,0,0,0,length:32 big-endian] then the bytes. A frame may be larger
/// than any buffer: it comes out in pieces as they arrive. Empty frames are legal and dropped. `system` is the
/// engine's own failure in the middle of the stream.
class frame_decoder {
 public:
  void feed(std::string_view bytes);
  std::optional<log_chunk> next();  // nullopt: feed more; never an empty chunk
  void end_of_input() const;        // error (truncated) inside a frame

 private:
  bool read_header();
  std::string buffer_;
  std::size_t start_ = 0;
  std::uint32_t left_ = 0;  // of the frame being read
  log_source source_ = log_source::out;
};

}  // namespace docker
