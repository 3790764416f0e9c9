#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {

std::string to_text(snapshot_finding::kind what) {
  switch (what) {
    case snapshot_finding::kind::changed:
      return "changed";
    case snapshot_finding::kind::vanished:
      return "vanished";
    case snapshot_finding::kind::socket:
      return "socket";
    case snapshot_finding::kind::mount_point:
      return "mount point";
    case snapshot_finding::kind::attribute:
      return "attribute";
    case snapshot_finding::kind::unreadable:
      return "unreadable";
  }
  return "unknown";
}

}  // namespace orchestration
