// The same reply and left-over bytes, or a failure, wherever the bytes are cut.
#include "docker_client/error.hpp"
#include "docker_client/wire/http_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

struct outcome {
  int status = 0;
  std::string reason;
  docker::http_fields fields;
  std::string body;
  std::string leftover;
  bool complete = false;
  bool keeps_alive = false;
  bool failed = false;  // Beast looks at an unfinished head only when much of it comes at once: the kind may differ
  bool operator==(const outcome&) const = default;
};

outcome describe(docker::reply_parser& parser, std::string body) {
  outcome result;
  result.body = std::move(body);
  result.complete = parser.complete();
  if (!parser.has_head()) return result;
  const docker::reply_head& head = parser.head();
  result.status = head.status, result.reason = head.reason, result.fields = head.fields;
  result.keeps_alive = parser.keeps_alive();
  result.leftover = parser.leftover();
  (void)head.media_type();
  return result;
}

outcome parse(std::string_view bytes, docker::reply_to request, unsigned cut) {
  docker::reply_parser parser(request);
  std::string body;
  try {
    fuzz::feed_in_pieces(bytes, cut, [&](std::string_view piece) {
      parser.feed(piece);
      body += parser.take_body();
    });
    parser.end_of_input();
    body += parser.take_body();
  } catch (const docker::error&) {
    outcome failed;  // how much of the body came before depends on the cuts
    failed.failed = true;
    return failed;
  }
  return describe(parser, std::move(body));
}

}  // namespace

void fuzz_one(std::string_view input) {
  const unsigned cut = fuzz::take_byte(input);
  for (const auto request : {docker::reply_to::any_other, docker::reply_to::head_request}) {
    const outcome bytewise = parse(input, request, 0);
    fuzz::expect(parse(input, request, cut) == bytewise, "cuts make no difference");
    fuzz::expect(bytewise.failed || bytewise.complete, "what ends well is complete");
    fuzz::expect(bytewise.body.size() + bytewise.leftover.size() <= input.size(), "nothing is made up");
  }
}
