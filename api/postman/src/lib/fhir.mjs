// A small record: a patient, an encounter and an observation, under identifiers that are
// variables. changed may exchange parts of the three resources.
export function record({ patient, encounter, observation, mrn, family, pulse, changed = (resources) => resources }) {
  const resources = [
    {
      resourceType: "Patient", id: patient,
      identifier: [{ type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "MR" }] }, value: mrn }],
      name: [{ family, given: ["Test"] }], gender: "unknown",
    },
    {
      resourceType: "Encounter", id: encounter, status: "finished",
      class: { system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB" },
      subject: { reference: `urn:uuid:${patient}` },
      period: { start: "2024-05-02T09:00:00Z", end: "2024-05-02T09:30:00Z" },
    },
    {
      resourceType: "Observation", id: observation, status: "final",
      category: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/observation-category", code: "vital-signs" }] }],
      code: { coding: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }] },
      subject: { reference: `urn:uuid:${patient}` }, encounter: { reference: `urn:uuid:${encounter}` },
      effectiveDateTime: "2024-05-02T09:10:00Z",
      valueQuantity: { value: pulse, unit: "/min", system: "http://unitsofmeasure.org", code: "/min" },
    },
  ];
  return {
    resourceType: "Bundle", type: "collection",
    entry: changed(resources).map((resource) => ({ fullUrl: `urn:uuid:${resource.id}`, resource })),
  };
}
