/* SPDX-License-Identifier: Apache-2.0 */
#include "model/view.h"

const double plm_sample_buckets[PLM_SAMPLE_BUCKETS] = { 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3 };
