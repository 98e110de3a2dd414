#include "kernels/lanes_avx512.h"
// The order matters: what follows is written on the lanes above.
#include "kernels/rows_lanes.h"

namespace shijian::kernels {

const RowsTable kRowsAvx512 = kRowsOnLanes;

}  // namespace shijian::kernels
