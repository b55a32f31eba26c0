/* faults.c - recording of faults (VT-d 4.0, chapter 7). */
#include "models/iommu/internal.h"

void iommu_record_fault(struct iommu *u, const struct pcie_tlp *tlp,
                        enum iommu_fault_reason reason)
{
  if (u->n_faults < IOMMU_FAULT_LOG)
    u->faults[u->n_faults] =
        (struct iommu_fault){.when = iommu_now(u),
                             .address = tlp->address,
                             .pasid = tlp->pasid,
                             .requester = tlp->requester,
                             .write = tlp->type == PCIE_MWR,
                             .has_pasid = (tlp->flags & PCIE_HAS_PASID) != 0,
                             .at = tlp->at,
                             .reason = reason};
  u->n_faults++;
  iommu_count(u, &u->count.faults);
}

size_t iommu_faults(const struct iommu *u, const struct iommu_fault **log,
                    uint64_t *total)
{
  *log = u->faults;
  *total = u->n_faults;
  return u->n_faults < IOMMU_FAULT_LOG ? (size_t)u->n_faults : IOMMU_FAULT_LOG;
}
