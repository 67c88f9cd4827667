-- The health of all three kinds in Argo CD, by the conditions that kstatus reads too. Argo CD itself reports objects that
-- are being deleted.

local function condition(type)
  for _, one in ipairs((obj.status or {}).conditions or {}) do
    if one.type == type and one.status == "True" then
      return one
    end
  end
end

local function first_message()
  local conditions = (obj.status or {}).conditions or {}
  return conditions[1] and conditions[1].message or "The operator has not acted on this object yet."
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not acted on the current spec yet." }
end

local stalled = condition("Stalled")
if stalled then
  return { status = "Degraded", message = stalled.message }
end

if obj.spec.suspend then
  return { status = "Suspended", message = first_message() }
end

local done = condition("Ready") or condition("Complete")
if done then
  return { status = "Healthy", message = done.message }
end

return { status = "Progressing", message = first_message() }
