// verify_archive() of volume_archive.hpp.
#include "docker_client/json.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/checked_archive.hpp"
#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {
namespace {

void read_back(const expected_archive& expected, const archive_options& options, verification& result) {
  checked_archive archive(expected, options, snapshot_progress::stage::verifying);
  while (archive.next()) {
    archive.content({});
    ++result.entries;
    if (archive.entry().type == entry_type::file) result.bytes += archive.entry().size;
  }
  if (result.bytes != expected.bytes)
    throw snapshot_error("the archive's files have " + std::to_string(result.bytes) + " bytes, recorded were " +
                         std::to_string(expected.bytes));
}

}  // namespace

verification verify_archive(const expected_archive& expected, const archive_options& options) {
  verification result;
  try {
    read_back(expected, options, result);
  } catch (const snapshot_cancelled&) {
    throw;
  } catch (const snapshot_error& error) {
    result.problems.push_back(expected.archive.filename().string() + ": " + error.what());
  } catch (const file_error& error) {
    result.problems.push_back(error.what());
  } catch (const docker::json_error& error) {
    result.problems.push_back(expected.file_list.filename().string() + ": " + error.what());
  }
  return result;
}

}  // namespace orchestration
