// A line of a snapshot's list of files: read, written, read again it is the same record.
#include "orchestration/snapshot/file_list.hpp"

#include "docker_client/json.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/fuzz/document_round_trip.hpp"

namespace {

bool read(std::string_view line, orchestration::file_record& record) {
  try {
    record = orchestration::file_record_from_line(line);
    return true;
  } catch (const docker::json_error&) {
  } catch (const orchestration::snapshot_error&) {
  }
  return false;
}

}  // namespace

void fuzz_one(std::string_view input) {
  orchestration::file_record record;
  if (!read(input, record)) return;
  const std::string line = to_line(record);
  fuzz::expect_same_numbers(docker::json::parse(line), docker::json::parse(input));
  fuzz::expect(line.find('\n') == std::string::npos, "a record is one line");
  orchestration::file_record again;
  fuzz::expect(read(line, again) && again == record, "what is written reads back");
}
